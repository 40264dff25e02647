"""Makes the same calls to a model through one Python instrumentation: run.py <instrumentation>.

MODEL_URL is an OpenAI-compatible server, OTLP_URL an OTLP/HTTP receiver.
"""

import os
import sys

from openai import OpenAI
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

SYSTEM = "Be brief."
QUESTION = "What is a span?"
TOOL = {
    "name": "weather",
    "description": "The weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def chat(text):
    return {
        "model": "gpt-4o-mini",
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": text},
        ],
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 7,
        "max_tokens": 64,
    }


def call():
    client = OpenAI(base_url=os.environ["MODEL_URL"] + "/v1", api_key="test", max_retries=0)
    client.chat.completions.create(**chat(QUESTION))
    for _ in client.chat.completions.create(
        **chat(QUESTION), stream=True, stream_options={"include_usage": True}
    ):
        pass
    client.chat.completions.create(
        **chat("Weather in Oslo?"), tools=[{"type": "function", "function": TOOL}]
    )
    client.embeddings.create(model="text-embedding-3-small", input=QUESTION)


def provider():
    opened = TracerProvider()
    exporter = OTLPSpanExporter(endpoint=os.environ["OTLP_URL"] + "/v1/traces")
    opened.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(opened)
    return opened


def openinference():
    from openinference.instrumentation.openai import OpenAIInstrumentor

    opened = provider()
    OpenAIInstrumentor().instrument(tracer_provider=opened)
    call()
    opened.shutdown()


def opentelemetry():
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    opened = provider()
    OpenAIInstrumentor().instrument(tracer_provider=opened)
    call()
    opened.shutdown()


def mlflow():
    os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = os.environ["OTLP_URL"] + "/v1/traces"
    os.environ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] = "http/protobuf"
    import mlflow as library

    library.openai.autolog()
    call()
    library.flush_trace_async_logging()


{"openinference": openinference, "opentelemetry": opentelemetry, "mlflow": mlflow}[sys.argv[1]]()
