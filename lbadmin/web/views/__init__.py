"""The pages, a module each part of the menu."""

from lbadmin.web.views import layer7, local, overview

ROUTES = [*overview.ROUTES, *layer7.ROUTES, *local.ROUTES]
