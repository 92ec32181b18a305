"""House rules that no linter knows. Each finding reads `file:line: what is wrong, what to do`."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from settings import LOCAL_ONLY, PREFIX, Settings

ROOT: Final = Path(__file__).parents[2]
MODULE_LINES_MAX: Final = 300
TEST_LINES_MAX: Final = 500
"""A test reads from top to bottom, and its table of cases is long."""
FUNCTION_LINES_MAX: Final = 60
"""What fits a screen."""
DRIVERS: Final = frozenset({"psycopg", "psycopg_pool", "cassandra", "redis", "obstore"})
DRIVER_ROOMS: Final = frozenset({"stores", "local", "tests", "bench"})
BANNED: Final = {
    r"://[a-z0-9.-]*(pyp[a-z]*|pythonh[a-z]*|maven|npm[a-z]*|golang|debian|crates)\.(org|io|com)": (
        "a registry's host: name the package instead"
    ),
    r"(?<![\w.])/(work|root|home)/[a-z]": "a path of one machine: derive it from the module's own place",
}
TEXTS: Final = (".py", ".lua", ".sql", ".cql", ".md", ".toml", ".txt", ".yml", ".yaml", "Makefile", "Dockerfile")
TEST_NAMED: Final = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def tracked(*suffixes: str) -> list[Path]:
    """The files that git knows, with one of these endings."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S607
    return [ROOT / name for name in listed.stdout.splitlines() if name.endswith(suffixes) and (ROOT / name).exists()]


def modules() -> Iterator[tuple[str, str, ast.Module]]:
    """Every Python file: its path in the project, its text, its tree."""
    for path in tracked(".py"):
        text = path.read_text("utf-8")
        yield str(path.relative_to(ROOT)), text, ast.parse(text)


def test_no_module_is_longer_than_a_reader_holds_in_mind() -> None:
    """Split a module that grows beyond its one idea."""
    long = [
        f"{name}: {lines} lines"
        for name, text, _ in modules()
        if (lines := text.count("\n")) > (TEST_LINES_MAX if name.startswith("tests/") else MODULE_LINES_MAX)
    ]
    assert not long


def test_every_function_fits_a_screen() -> None:
    """Tests and their tables aside."""
    long = [
        f"{name}:{node.lineno}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for name, _, tree in modules()
        if not name.startswith("tests/")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= FUNCTION_LINES_MAX
    ]
    assert not long


def test_only_stores_imports_a_driver() -> None:
    """SQL, CQL and Redis are spoken in one room."""
    found = [
        f"{name}: imports {imported}"
        for name, _, tree in modules()
        if name.split("/")[0] not in DRIVER_ROOMS
        for node in ast.walk(tree)
        for imported in imported_by(node)
        if imported.split(".")[0] in DRIVERS
    ]
    assert not found


def imported_by(node: ast.AST) -> list[str]:
    """The modules that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


def test_every_module_and_public_definition_says_what_it_means() -> None:
    """Public docstrings give meaning; a test's name is its meaning."""
    silent = [
        f"{name}: {getattr(node, 'name', 'the module')}"
        for name, text, tree in modules()
        if not name.startswith(("tests/", "bench/")) and text.strip()
        for node in [tree, *tree.body]
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not getattr(node, "name", "").startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not silent


def test_nothing_banned_is_written_anywhere() -> None:
    """What must not stand in a commit."""
    me = Path(__file__).name
    found = [
        f"{path.relative_to(ROOT)}:{number}: {why}"
        for path in tracked(*TEXTS)
        if path.name != me
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        for pattern, why in BANNED.items()
        if re.search(pattern, line)
    ]
    assert not found


def test_no_test_sleeps() -> None:
    """tests/waiting.py waits for conditions, with a limit; a fake provider may be slow, which is no waiting."""
    found = [
        f"{name}:{node.lineno}: sleeps; use tests.waiting"
        for name, _, tree in modules()
        if name.startswith("tests/") and not name.startswith(("tests/waiting.py", "tests/fakes/"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".sleep")
    ]
    assert not found


def test_the_docs_name_every_setting_and_no_other() -> None:
    """docs/operations.md is where an operator looks."""
    named = set(re.findall(rf"`({PREFIX}[A-Z_]+)`", (ROOT / "docs/operations.md").read_text("utf-8")))
    known = {field.encode_name for field in msgspec.structs.fields(Settings)} | {PREFIX + name for name in LOCAL_ONLY}
    assert named == known


def test_every_test_that_the_plan_names_is_there() -> None:
    """A plan and tests that drift prove nothing."""
    plan = (ROOT / "docs/test-plan.md").read_text("utf-8")
    missing = [
        f"{file}::{test}"
        for file, test in TEST_NAMED.findall(plan)
        if not (ROOT / file).exists() or (test and f"def {test}(" not in (ROOT / file).read_text("utf-8"))
    ]
    assert not missing
    assert len(TEST_NAMED.findall(plan)) > 20, "the plan names hardly any test"


def test_the_plan_has_a_row_for_every_promise() -> None:
    """P1 to P5, P10 and P11 are built; the others say that they are not yet."""
    plan = (ROOT / "docs/test-plan.md").read_text("utf-8")
    assert [f"P{n}" for n in range(1, 12) if f"## P{n} " not in plan] == []


def test_every_decision_is_listed() -> None:
    """docs/adr/README.md lists each page of its folder."""
    listed = (ROOT / "docs/adr/README.md").read_text("utf-8")
    assert [page.name for page in (ROOT / "docs/adr").glob("0*.md") if page.name not in listed] == []
