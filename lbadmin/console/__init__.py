"""The appliance's own screen and keyboard: what a console shows, and the menu behind a key press.

`screen`, `reset` and `taken` are lbadmind's; all other modules are the menu program's, a client of lbadmind's
socket that runs for as long as somebody uses it.
"""
