"""The language server of `paceline check --lsp`: diagnostics, quick fixes and pages, over standard input and output.

Translates between the protocol and `editing`. Needs the extra `lsp`. Must not judge.
"""

from __future__ import annotations

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.workspace import TextDocument
from pygls.workspace.position_codec import ServerTextPosition

from paceline import __version__
from paceline.lint import pages
from paceline.lint.editing import Action, Open, Position
from paceline.lint.findings import Finding
from paceline.lint.fronts import AbsentError
from paceline.lint.settings import SettingsError

_SEVERITIES = {
    "error": lsp.DiagnosticSeverity.Error,
    "warning": lsp.DiagnosticSeverity.Warning,
    "info": lsp.DiagnosticSeverity.Information,
}
_FIX_ALL = "source.fixAll.paceline"


class Server(LanguageServer):
    """A language server that lints what is open."""

    def __init__(self) -> None:
        super().__init__("paceline", __version__)
        self._told: set[str] = set()

    def opened(self, uri: str) -> Open | None:
        """Lint an open file as the editor holds it; None where that is not possible, which is told once."""
        from pathlib import Path

        document = self.workspace.get_text_document(uri)
        if not uri.startswith("file:"):
            return None
        found = Open(Path(document.path), document.source)
        try:
            found.lint()
        except SettingsError as error:
            self._tell(f"paceline: {error}; {error.fix}")
        except AbsentError as error:
            self._tell(f"paceline: {error}")
        else:
            return found
        return None

    def lint(self, uri: str) -> None:
        """Publish what is found in a file."""
        found = self.opened(uri)
        document = self.workspace.get_text_document(uri)
        shown = [] if found is None else [_diagnostic(document, found, each) for each in found.findings]
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, shown, document.version))

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Warning, text))


def serve() -> None:
    """Serve until the editor hangs up."""
    server().start_io()


def server() -> Server:
    """Make a server with all it can do."""
    made = Server()
    _add_diagnostics(made)
    _add_answers(made)
    return made


def _add_diagnostics(made: Server) -> None:
    @made.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(server: Server, params: lsp.DidOpenTextDocumentParams) -> None:
        server.lint(params.text_document.uri)

    @made.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(server: Server, params: lsp.DidChangeTextDocumentParams) -> None:
        server.lint(params.text_document.uri)

    @made.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(server: Server, params: lsp.DidSaveTextDocumentParams) -> None:
        server.lint(params.text_document.uri)

    @made.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(server: Server, params: lsp.DidCloseTextDocumentParams) -> None:
        server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(params.text_document.uri, []))


def _add_answers(made: Server) -> None:
    kinds = [lsp.CodeActionKind.QuickFix, _FIX_ALL]

    @made.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=kinds))
    def actions(server: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        uri = params.text_document.uri
        found = server.opened(uri)
        if found is None:
            return []
        document = server.workspace.get_text_document(uri)
        wanted = params.context.only
        shown = []
        if wanted is None or lsp.CodeActionKind.QuickFix in wanted:
            lines = (params.range.start.line, params.range.end.line)
            shown = [_quick_fix(document, found, each) for each in found.actions(*lines)]
        if wanted is not None and any(_FIX_ALL.startswith(kind) for kind in wanted):
            shown += _fix_all(document, found)
        return shown

    @made.feature(lsp.TEXT_DOCUMENT_HOVER)
    def hover(server: Server, params: lsp.HoverParams) -> lsp.Hover | None:
        found = server.opened(params.text_document.uri)
        line = params.position.line
        codes = [] if found is None else dict.fromkeys(each.code for each in found.findings if each.line - 1 == line)
        if not codes:
            return None
        text = "\n\n---\n\n".join(pages.page(code) for code in codes)
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text))


def _diagnostic(document: TextDocument, found: Open, finding: Finding) -> lsp.Diagnostic:
    where = f"{found.pages.rstrip('/')}/{finding.code}.md" if found.pages else ""
    return lsp.Diagnostic(
        range=_range(document, *found.span(finding)),
        message=f"{finding.message}. {finding.hint}".strip(),
        severity=_SEVERITIES[finding.severity],
        code=finding.code,
        code_description=lsp.CodeDescription(where) if where else None,
        source="paceline",
        tags=[lsp.DiagnosticTag.Unnecessary] if finding.code == "L003" else None,
    )


def _quick_fix(document: TextDocument, found: Open, action: Action) -> lsp.CodeAction:
    edits = [lsp.TextEdit(_range(document, start, end), text) for start, end, text in action.changes]
    return lsp.CodeAction(
        title=action.title,
        kind=lsp.CodeActionKind.QuickFix,
        diagnostics=[_diagnostic(document, found, action.finding)],
        is_preferred=action.preferred or None,
        edit=lsp.WorkspaceEdit(changes={document.uri: edits}),
    )


def _fix_all(document: TextDocument, found: Open) -> list[lsp.CodeAction]:
    text = found.all_safe()
    if text is None:
        return []
    whole = lsp.Range(lsp.Position(0, 0), lsp.Position(found.text.count("\n") + 1, 0))
    edit = lsp.WorkspaceEdit(changes={document.uri: [lsp.TextEdit(whole, text)]})
    return [lsp.CodeAction(title="Mend what can be mended safely (paceline)", kind=_FIX_ALL, edit=edit)]


def _range(document: TextDocument, start: Position, end: Position) -> lsp.Range:
    first, last = (document.position_to_client_units(ServerTextPosition(*each)) for each in (start, end))
    return lsp.Range(first, last)
