/** What is shown when there is nothing to show, and when asking failed. */
export function Empty({ filtered }: { filtered: boolean }) {
  if (filtered)
    return (
      <div class="card notice" data-testid="empty">
        Nothing matches these filters in this time range.
      </div>
    );
  return (
    <div class="card notice" data-testid="empty">
      <h1>No model calls yet</h1>
      <p>
        Send the first span: start your service with the instrumentation, which traces calls to
        models and retrievers.
      </p>
      <pre>{"OTEL_SERVICE_NAME=my-service \\\nnode --import @assay/instrumentation app.js"}</pre>
      <p>
        Any OpenTelemetry exporter works as well: point it at the collector, which takes OTLP over
        HTTP.
      </p>
      <pre>OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318</pre>
      <p class="muted">Already sending? Take a longer time range above.</p>
    </div>
  );
}

export function Failed({ message }: { message: string }) {
  return (
    <div class="card notice bad-text" role="alert" data-testid="failed">
      <h1>That did not work</h1>
      <p>{message}</p>
    </div>
  );
}
