namespace Iii.Sdk;

/// <summary>Answers HTTP requests.</summary>
/// <param name="request">The request.</param>
/// <param name="response">What is answered: set it up and fill it, or stream its body.</param>
/// <param name="cancellation">Cancelled when the worker shuts down and its patience is over.</param>
public delegate ValueTask HttpHandler(HttpRequestContext request, HttpResponseWriter response, CancellationToken cancellation);
