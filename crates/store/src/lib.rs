//! Server persistence: the port, statements written once, the SQLite adapter, migrations, conformance suite. Knows no HTTP.
