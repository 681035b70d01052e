from harness.sampler import Sample, sample_of

INFO = "Name: HAProxy\nCurrConns: 12\nCumConns: 345\n\n"
TABLE = """# pxname,svname,scur,econ,wretr
OCS-Front-End,FRONTEND,12,,
OCS-Front-End,FE-1,7,1,2
OCS-Front-End,FE-2,5,0,3
OCS-Front-End,BACKEND,12,1,5
Web,FE-2,1,0,0
"""
MEMORY = {"MemTotal": 2048 * 1024, "MemAvailable": 1024 * 1024, "SwapTotal": 0, "SwapFree": 0}


def test_a_sample_tells_shares_of_the_processor_memory_and_sessions() -> None:
    before = {"cpu": [100, 0, 100, 800, 0, 0, 0, 0]}
    now = {"cpu": [130, 0, 110, 840, 0, 0, 20, 0], "memory": MEMORY, "haproxy": INFO + TABLE}
    sample = sample_of("lb1", 5.0, before, now)
    assert sample == Sample(
        at=5.0,
        machine="lb1",
        busy=0.6,
        network=0.2,
        memory_mib=1024.0,
        swap_mib=0.0,
        connections=12,
        accepted=345,
        errors=1,
        retries=5,
        servers={"FE-1": 7, "FE-2": 6},
    )


def test_a_machine_without_haproxy_still_tells_its_load() -> None:
    before, now = ({"cpu": [ticks, 0, 0, 100, 0, 0, 0, 0]} for ticks in (0, 10))
    sample = sample_of("lb1", 5.0, before, {**now, "memory": MEMORY, "haproxy": ""})
    assert (sample.busy, sample.connections, sample.servers) == (1.0, 0, None)
