-- One fixed POST; the summary is printed as one line that the suite reads. No per-request Lua.
wrk.method = "POST"
wrk.body = '{"a":1,"b":2}'
wrk.headers["Content-Type"] = "application/json"

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    "SUMMARY requests=%d duration_us=%d p50_us=%d p99_us=%d errors=%d cpu_s=%.4f\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout, os.clock()))
end
