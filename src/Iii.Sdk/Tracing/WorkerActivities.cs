using System.Diagnostics;
using Iii.Sdk.Functions;

namespace Iii.Sdk.Tracing;

/// <summary>The spans of a worker: one per call that it makes, one per call that it answers.</summary>
internal static class WorkerActivities
{
    public static readonly ActivitySource Source = new(IiiTelemetry.ActivitySourceName, Connection.Introduction.Version);

    /// <summary>The span of a handler. Without listeners there is one only to carry the caller's trace on.</summary>
    public static Activity? StartServer(InboundCall call)
    {
        if (!Source.HasListeners())
        {
            return call.TraceParent is null ? null : Carry(call);
        }

        ActivityContext.TryParse(call.TraceParent, null, isRemote: true, out var parent);
        var activity = Source.StartActivity($"execute {call.Function.Id}", ActivityKind.Server, parent);
        if (activity is null)
        {
            return call.TraceParent is null ? null : Carry(call);
        }

        AddBaggage(activity, call.Baggage);
        if (activity.IsAllDataRequested)
        {
            activity.SetTag("faas.invoked_name", call.Function.Id);
            activity.SetTag("iii.invocation_id", call.InvocationId);
        }

        return activity;
    }

    /// <summary>The span of a call; null when nobody listens.</summary>
    public static Activity? StartClient(string functionId)
    {
        if (!Source.HasListeners())
        {
            return null;
        }

        var activity = Source.StartActivity($"call {functionId}", ActivityKind.Client);
        if (activity is { IsAllDataRequested: true })
        {
            activity.SetTag("faas.invoked_name", functionId);
        }

        return activity;
    }

    public static void Fail(Activity? activity, string code, string message)
    {
        if (activity is not null)
        {
            activity.SetStatus(ActivityStatusCode.Error, message);
            activity.SetTag("error.type", code);
        }
    }

    /// <summary>The baggage as a W3C header; null when there is none.</summary>
    public static string? BaggageOf(Activity activity)
    {
        string? header = null;
        foreach (var (key, value) in activity.Baggage)
        {
            var member = $"{Uri.EscapeDataString(key)}={Uri.EscapeDataString(value ?? string.Empty)}";
            header = header is null ? member : $"{member},{header}";
        }

        return header;
    }

    private static Activity Carry(InboundCall call)
    {
        var activity = new Activity("execute").SetParentId(call.TraceParent!);
        AddBaggage(activity, call.Baggage);
        return activity.Start();
    }

    private static void AddBaggage(Activity activity, string? header)
    {
        if (header is null)
        {
            return;
        }

        foreach (var member in header.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var property = member.Split(';', 2)[0];
            if (property.Split('=', 2) is [var key, var value] && key.Length > 0)
            {
                activity.AddBaggage(Uri.UnescapeDataString(key.Trim()), Uri.UnescapeDataString(value.Trim()));
            }
        }
    }
}
