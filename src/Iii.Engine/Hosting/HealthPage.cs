using System.Text.Json;
using Iii.Engine.Discovery;
using Iii.Engine.Gateways;
using Microsoft.AspNetCore.Http;

namespace Iii.Engine.Hosting;

/// <summary>
/// Tells balancers and supervisors how the engine is: <c>/health/live</c> while the process answers at all, and
/// <c>/health/ready</c> with 200 while it takes work and 503 while it does not.
/// </summary>
/// <param name="cluster">The cluster.</param>
/// <param name="clusterName">Its name.</param>
/// <param name="adapter">The adapter of the broker.</param>
/// <param name="workers">The workers connected here.</param>
/// <param name="functions">The functions.</param>
internal sealed class HealthPage(
    IClusterStatus cluster, string clusterName, string adapter, WorkerDirectory workers, FunctionDirectory functions)
{
    private const string LivePath = "/health/live";
    private const string ReadyPath = "/health/ready";

    private volatile EnginePhase _phase;

    /// <summary>Where the engine is in its life.</summary>
    public EnginePhase Phase
    {
        get => _phase;
        set => _phase = value;
    }

    /// <summary>Whether a request is for this page.</summary>
    public static bool IsFor(HttpRequest request) =>
        (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)) && request.Path.Value is LivePath or ReadyPath;

    /// <summary>Answers such a request.</summary>
    /// <param name="context">The request.</param>
    /// <param name="withDetails">Whether to say more than the status: not where strangers can ask.</param>
    public Task AnswerAsync(HttpContext context, bool withDetails)
    {
        var status = context.Request.Path.Value == LivePath ? "live"
            : _phase != EnginePhase.Running ? "not_ready"
            : cluster.IsConnected ? "ready"
            : "degraded";
        var response = context.Response;
        response.StatusCode = status == "not_ready" ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK;
        response.ContentType = "application/json";
        response.Headers.CacheControl = "no-store";
        using var body = new MemoryStream();
        using (var writer = new Utf8JsonWriter(body))
        {
            writer.WriteStartObject();
            writer.WriteString("status", status);
            if (withDetails && status != "live")
            {
                WriteDetails(writer);
            }

            writer.WriteEndObject();
        }

        response.ContentLength = body.Length;
        return HttpMethods.IsHead(context.Request.Method)
            ? Task.CompletedTask
            : response.Body.WriteAsync(body.GetBuffer(), 0, (int)body.Length);
    }

    private void WriteDetails(Utf8JsonWriter writer)
    {
        writer.WriteString("instance", cluster.Instance);
        writer.WriteStartObject("cluster");
        writer.WriteString("name", clusterName);
        writer.WriteString("digest", cluster.Digest);
        writer.WriteStartArray("members");
        foreach (var (instance, status, digest) in cluster.Members)
        {
            writer.WriteStartObject();
            writer.WriteString("instance", instance);
            writer.WriteString("status", status);
            writer.WriteString("digest", digest);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteNumber("workers", workers.Workers.Count());
        writer.WriteNumber("functions", functions.All.Count(IsOfAWorker));
        writer.WriteStartObject("broker");
        writer.WriteString("adapter", adapter);
        writer.WriteBoolean("connected", cluster.IsConnected);
        writer.WriteEndObject();
    }

    private static bool IsOfAWorker(FunctionPool function)
    {
        foreach (var registration in function.Providers.All)
        {
            if (registration.Provider is not EngineFunction)
            {
                return true;
            }
        }

        return false;
    }
}
