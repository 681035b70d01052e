"""The management plane of the appliance: documents, the one path for a change, REST API, pages, lbcli."""
