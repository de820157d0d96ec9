-- What wrk counted, as one line of JSON at the end of its report. `status` is answers of 400 and above; the backends send only 200.
function done(summary)
  local e = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"microseconds":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
    summary.requests, summary.duration, e.connect, e.read, e.write, e.timeout, e.status))
end
