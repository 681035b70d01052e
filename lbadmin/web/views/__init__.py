"""The pages, a module each part of the menu."""

from lbadmin.web.views import (
    access,
    backup,
    certificates,
    configuration,
    firewall,
    ha,
    layer7,
    licence,
    local,
    logs,
    maintenance,
    network,
    overview,
    reports,
    scripts,
    templates,
)

ROUTES = [
    *overview.ROUTES,
    *network.ROUTES,
    *local.ROUTES,
    *licence.ROUTES,
    *layer7.ROUTES,
    *certificates.ROUTES,
    *scripts.ROUTES,
    *templates.ROUTES,
    *ha.ROUTES,
    *maintenance.ROUTES,
    *access.ROUTES,
    *firewall.ROUTES,
    *backup.ROUTES,
    *configuration.ROUTES,
    *logs.ROUTES,
    *reports.ROUTES,
]
