"""The pages, a module each part of the menu."""

from lbadmin.web.views import access, configuration, layer7, local, maintenance, overview

ROUTES = [
    *overview.ROUTES,
    *local.ROUTES,
    *layer7.ROUTES,
    *maintenance.ROUTES,
    *access.ROUTES,
    *configuration.ROUTES,
]
