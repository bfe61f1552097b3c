"""All SQL: engine, tables, migrations, statements."""
