"""Prints what the installed products do when nothing is set, as JSON; run by the Python of `.venv-catalogue`.

Asks the packages themselves: signatures, fields, constants. Knows nothing of the catalogue, and needs no network.
"""

# mypy: ignore-errors

from __future__ import annotations

import inspect
import json
import os
import sys
import warnings
from importlib.metadata import version


def parameters(function):
    """Name the parameters of a function."""
    return sorted(inspect.signature(function).parameters)


def openai_like(module, client, calls):
    """Read an SDK that was generated like OpenAI's."""
    return {
        "version": module.__version__,
        "timeout_s": module.DEFAULT_TIMEOUT.read,
        "retries": module.DEFAULT_MAX_RETRIES,
        "accepts": {"client": parameters(client), **{name: parameters(call) for name, call in calls.items()}},
    }


def openai():
    """Read OpenAI's SDK."""
    import openai as module

    made = module.OpenAI(api_key="none")
    calls = {"chat": made.chat.completions.create, "responses": made.responses.create}
    return openai_like(module, module.OpenAI, calls)


def anthropic():
    """Read Anthropic's SDK."""
    import anthropic as module

    return openai_like(module, module.Anthropic, {"messages": module.Anthropic(api_key="none").messages.create})


def groq():
    """Read Groq's SDK."""
    import groq as module
    from groq._constants import DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT

    module.DEFAULT_TIMEOUT, module.DEFAULT_MAX_RETRIES = DEFAULT_TIMEOUT, DEFAULT_MAX_RETRIES
    return openai_like(module, module.Groq, {"chat": module.Groq(api_key="none").chat.completions.create})


def google_genai():
    """Read Google's SDK."""
    from google.genai import types

    fields = types.HttpOptions.model_fields
    return {
        "version": version("google-genai"),
        "timeout_s": fields["timeout"].default,
        "accepts": {"config": sorted(types.GenerateContentConfig.model_fields), "http_options": sorted(fields)},
    }


def mistralai():
    """Read Mistral's SDK."""
    from mistralai.client import Mistral

    given = inspect.signature(Mistral).parameters
    chat = Mistral(api_key="none").chat.complete
    return {
        "version": version("mistralai"),
        "timeout_s": given["timeout_ms"].default,
        "accepts": {"client": sorted(given), "chat": parameters(chat)},
    }


def cohere():
    """Read Cohere's SDK."""
    from cohere import ClientV2
    from cohere.v2.client import V2Client

    client = ClientV2(api_key="none")
    return {
        "version": version("cohere"),
        "timeout_s": client._client_wrapper.get_timeout(),
        "accepts": {"client": parameters(ClientV2), "chat": parameters(V2Client.chat)},
    }


def ollama():
    """Read Ollama's SDK."""
    from ollama import Client, Options

    return {
        "version": version("ollama"),
        "timeout_s": Client()._client.timeout.read,
        "accepts": {"chat": parameters(Client.chat), "options": sorted(Options.model_fields)},
    }


def litellm():
    """Read LiteLLM."""
    import litellm as module

    return {
        "version": version("litellm"),
        "timeout_s": module.request_timeout,
        "accepts": {"chat": parameters(module.completion)},
    }


def langchain():
    """Read LangChain's models of three providers."""
    from langchain_anthropic import ChatAnthropic
    from langchain_groq import ChatGroq
    from langchain_openai import ChatOpenAI

    models = (ChatOpenAI, ChatAnthropic, ChatGroq)
    timeouts = {
        field.default
        for model in models
        for name, field in model.model_fields.items()
        if name in {"request_timeout", "default_request_timeout"}
    }
    assert len(timeouts) == 1, timeouts
    claude = ChatAnthropic(model="claude-sonnet-4-5", api_key="none")
    return {
        "version": version("langchain-openai"),
        "timeout_s": timeouts.pop(),
        "caps": {"ChatAnthropic": claude.max_tokens},
        "accepts": {model.__name__: sorted({*model.model_fields, *(f.alias or "" for f in model.model_fields.values())})
                    for model in models},
    }  # fmt: skip


def llama_index():
    """Read LlamaIndex's models."""
    from llama_index.llms.anthropic import Anthropic
    from llama_index.llms.openai import OpenAI

    fields = OpenAI.model_fields
    return {
        "version": version("llama-index-core"),
        "timeout_s": fields["timeout"].default,
        "retries": fields["max_retries"].default,
        "caps": {"Anthropic": Anthropic.model_fields["max_tokens"].default},
        "accepts": {"OpenAI": sorted(fields)},
    }


def agno():
    """Read agno's models."""
    from agno.models.anthropic import Claude
    from agno.models.openai import OpenAIChat

    return {
        "version": version("agno"),
        "caps": {"Claude": Claude.__dataclass_fields__["max_tokens"].default},
        "accepts": {"OpenAIChat": sorted(OpenAIChat.__dataclass_fields__)},
    }


def pydantic_ai():
    """Read Pydantic AI's agent."""
    from pydantic_ai import Agent
    from pydantic_ai.settings import ModelSettings

    return {
        "version": version("pydantic-ai-slim"),
        "accepts": {"Agent": parameters(Agent.__init__), "settings": sorted(ModelSettings.__annotations__)},
    }


def openai_agents():
    """Read the OpenAI Agents SDK."""
    from agents import Agent, ModelSettings

    return {
        "version": version("openai-agents"),
        "accepts": {
            "Agent": sorted(Agent.__dataclass_fields__),
            "settings": sorted(ModelSettings.__dataclass_fields__),
        },
    }


PRODUCTS = (openai, anthropic, groq, google_genai, mistralai, cohere, ollama, litellm, langchain, llama_index, agno,
            pydantic_ai, openai_agents)  # fmt: skip

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "true"
    json.dump({product.__name__.replace("_", "-"): product() for product in PRODUCTS}, sys.stdout)
