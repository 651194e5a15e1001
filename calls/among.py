"""`field__among=values`: `field__in` for thousands of values, of a field that is no relation.

Django makes a parameter of each, for some 20 µs; here all of them are one: an array on PostgreSQL, a list in JSON on
SQLite.
"""

import json
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Lookup
from django.db.models.sql.compiler import SQLCompiler


class Among(Lookup):
    lookup_name = "among"
    prepare_rhs = False
    rhs: Iterable[Any]

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        values = [self.lhs.output_field.get_db_prep_value(value, connection) for value in self.rhs]
        if not values:
            raise EmptyResultSet  # nothing is asked, as with `in`
        if connection.vendor == "postgresql":
            return f"{column} = ANY(%s)", (*parameters, values)
        return f"{column} IN (SELECT value FROM json_each(%s))", (*parameters, json.dumps(values))
