"""Import every module of the installed package, as a deprecated import is an error."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import warnings
from pathlib import Path

import airflow

import onlive_provider

PACKAGE = Path(onlive_provider.__file__).parent


def main() -> int:
    if PACKAGE.parent == Path(__file__).parents[1]:
        print("That is the package of the checkout, not the wheel's.", file=sys.stderr)
        return 1
    from airflow.exceptions import AirflowOptionalProviderFeatureException

    imported, not_for_this_one = 0, []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for module in pkgutil.walk_packages([str(PACKAGE)], "onlive_provider."):
            try:
                importlib.import_module(module.name)
                imported += 1
            except AirflowOptionalProviderFeatureException as error:
                not_for_this_one.append(f"{module.name}: {error}")
    ours = [each for each in caught if Path(each.filename).is_relative_to(PACKAGE)]
    for each in ours:
        print(f"{each.filename}:{each.lineno}: {each.category.__name__}: {each.message}", file=sys.stderr)
    print(f"Airflow {airflow.__version__}: {imported} modules imported.", *not_for_this_one, sep="\n  ")
    return 1 if ours else 0


if __name__ == "__main__":
    sys.exit(main())
