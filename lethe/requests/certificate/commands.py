"""`lethe certificate …`: check one, show one, and the public key that checks them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

app = typer.Typer(help="Certificates of erasure: check them, show them.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="A certificate's JSON file.", show_default=False)]
Key = Annotated[
    Path | None,
    typer.Option(
        metavar="PUBLIC.pem", help="The public key; default: this installation's.", show_default=False
    ),
]


@app.command("verify")
def verify(
    file: File,
    key: Key = None,
    proof: Annotated[
        Path | None, typer.Option(help="Proofs of subjects, one a line, to check too.", show_default=False)
    ] = None,
) -> None:
    """Check a certificate's signature and form, without any server; fails with one line where something is wrong."""
    from lethe.requests.certificate import verify as checks

    certificate = checks.verify(file, _public_key(key))
    reached = [level.level for level in certificate.levels if level.state == "reached"]
    typer.echo(
        f"valid: certificate {certificate.number}, revision {certificate.revision}, {', '.join(reached)}"
    )
    if certificate.controller.example:
        typer.echo("its controller is an EXAMPLE: it proves nothing about anybody")
    if proof is not None:
        count = checks.verify_proofs(proof, certificate)
        typer.echo(f"valid: {count:,} {'proof leads' if count == 1 else 'proofs lead'} to its root")


@app.command("show")
def show(file: File) -> None:
    """Print what a certificate says, in words. Its signature is not checked."""
    from lethe.requests.certificate import model, printed
    from lethe.requests.certificate import verify as checks

    typer.echo(printed.text(model.read(checks.read(file))), nl=False)


@app.command("key")
def key() -> None:
    """Print this installation's public key (PEM), which checks its certificates."""
    from lethe.evidence import signing

    typer.echo(signing.public_pem(signing.Signer().public_key), nl=False)


def _public_key(file: Path | None) -> "Ed25519PublicKey":
    from lethe.errors import InputError
    from lethe.evidence import signing

    if file is None:
        return signing.Signer().public_key
    try:
        return signing.load_public(file.read_bytes(), str(file))
    except OSError as error:
        raise InputError(f"{file}: can't be read ({error.strerror})") from error
