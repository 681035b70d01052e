"""A report's page, made of one template that needs nothing from anywhere else."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def render(template: Path, **values: object) -> str:
    """The page of a template; what is no markup of its own is escaped.

    Raises jinja2.UndefinedError when the template asks for something that is not among the values.
    """
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template.name).render(**values)
