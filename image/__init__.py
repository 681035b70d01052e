"""How the image is made and packaged; knows files, never a running machine."""
