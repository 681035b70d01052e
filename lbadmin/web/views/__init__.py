"""The pages, a module each part of the menu."""

from lbadmin.web.views import (
    access,
    backup,
    certificates,
    configuration,
    ha,
    layer7,
    licence,
    local,
    logs,
    maintenance,
    monitoring,
    node_services,
    overview,
    reports,
    scripts,
    templates,
)

ROUTES = [
    *overview.ROUTES,
    *local.ROUTES,
    *node_services.ROUTES,
    *licence.ROUTES,
    *layer7.ROUTES,
    *certificates.ROUTES,
    *scripts.ROUTES,
    *templates.ROUTES,
    *ha.ROUTES,
    *maintenance.ROUTES,
    *access.ROUTES,
    *backup.ROUTES,
    *configuration.ROUTES,
    *logs.ROUTES,
    *reports.ROUTES,
    *monitoring.ROUTES,
]
