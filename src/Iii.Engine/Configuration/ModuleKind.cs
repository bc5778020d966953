namespace Iii.Engine.Configuration;

/// <summary>The identity of a module, whatever its name in the file.</summary>
internal enum ModuleKind
{
    Http,
    Queue,
    PubSub,
    Cron,
    State,
    Stream,
    KvServer,
    WorkerManager,
    Telemetry,
    Observability,
    HttpFunctions,
    BridgeClient,
    Exec,
}
