using System.Text.Json.Serialization.Metadata;
using Iii.Protocol;
using Iii.Sdk.Calls;
using Iii.Sdk.Connection;
using Iii.Sdk.Functions;
using Iii.Sdk.Triggers;
using Iii.Sdk.Wire;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Iii.Sdk;

/// <summary>
/// A worker: one connection to an engine, over which it provides functions, registers triggers and calls functions.
/// </summary>
/// <remarks>
/// <para>All members are safe for concurrent use. The connection is made anew whenever it ends, for ever, first after a second
/// and at most after 30; everything registered is registered again, triggers under the same ids.</para>
/// <para>A call made while there is no connection waits for one. A call that was sent on a connection that breaks fails at
/// once with <see cref="IiiConnectionException.ConnectionLost"/>, because it may have run; the SDK never repeats a call.</para>
/// <para>Disposal takes everything back at the engine, waits for the handlers that run
/// (<see cref="IiiWorkerOptions.ShutdownTimeout"/>), and closes the connection.</para>
/// </remarks>
/// <example>
/// <code>
/// await using var worker = await IiiWorker.ConnectAsync("ws://localhost:49134");
/// worker.RegisterFunction("math.add", (Terms terms) => new Sum(terms.A + terms.B), Json.Default.Terms, Json.Default.Sum);
/// worker.RegisterHttpTrigger("math.add", "/add", "POST");
/// </code>
/// </example>
public sealed class IiiWorker : IAsyncDisposable
{
    private readonly IiiWorkerOptions _options;
    private readonly ILogger _logger;
    private readonly CallTable _calls;
    private readonly EngineConnection _connection;
    private readonly FunctionTable _functions = new();
    private readonly TriggerTypeTable _triggerTypes;
    private readonly InboundCalls _inbound;
    private readonly Caller _caller;
    private Task? _disposal;

    private IiiWorker(Uri url, IiiWorkerOptions options)
    {
        options.Validate();
        _options = options;
        _logger = (options.LoggerFactory ?? NullLoggerFactory.Instance).CreateLogger<IiiWorker>();
        _calls = new CallTable(options.Time);
        _connection = new EngineConnection(url, options, _calls, _logger);
        _triggerTypes = new TriggerTypeTable(_connection);
        _inbound = new InboundCalls(this, _connection, options, _logger);
        _caller = new Caller(_calls, _connection, options.InvocationTimeout);
        _connection.Start(new Inbox(_connection, _calls, _functions, _inbound, _triggerTypes, _logger));
    }

    /// <summary>The id that the engine gave to the present connection; null while there is none. Every connection has another.</summary>
    public string? WorkerId => _connection.WorkerId;

    /// <summary>Whether there is a connection now.</summary>
    public bool IsConnected => _connection.IsConnected;

    /// <summary>The address of the engine.</summary>
    public Uri Url => _connection.Url;

    internal IiiWorkerOptions Options => _options;

    internal Caller Caller => _caller;

    internal EngineConnection Connection => _connection;

    /// <summary>Makes a worker, and waits until it is connected, however often that has to be tried.</summary>
    /// <param name="url">The engine's address, for example <c>ws://localhost:49134</c>.</param>
    /// <param name="options">How to connect; null for the defaults.</param>
    /// <param name="cancellation">Ends the wait. Without it, the wait for an engine that never comes has no end.</param>
    public static async Task<IiiWorker> ConnectAsync(
        string url, IiiWorkerOptions? options = null, CancellationToken cancellation = default)
    {
        var worker = Start(url, options);
        try
        {
            await worker.WaitUntilConnectedAsync(cancellation).ConfigureAwait(false);
            return worker;
        }
        catch
        {
            await worker.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Makes a worker that connects in the background. What is registered meanwhile is registered once there is a connection.</summary>
    /// <inheritdoc cref="ConnectAsync"/>
    public static IiiWorker Start(string url, IiiWorkerOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(url);
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("ws" or "wss" or "http" or "https"))
        {
            throw new ArgumentException($"'{url}' is not the address of an engine. Write something like ws://localhost:49134.", nameof(url));
        }

        return new IiiWorker(address, options ?? new IiiWorkerOptions());
    }

    /// <summary>Waits until there is a connection; returns at once when there is one.</summary>
    public Task WaitUntilConnectedAsync(CancellationToken cancellation = default) => _connection.ConnectedAsync(cancellation);

    /// <summary>Provides a function of JSON that is neither decoded nor encoded.</summary>
    /// <param name="id">The function's id, for example <c>orders::price</c>.</param>
    /// <param name="handler">Handles a call. May run many times at once.</param>
    /// <param name="options">What is told about the function, and how it runs.</param>
    /// <returns>Dispose of it to provide the function no longer.</returns>
    /// <exception cref="InvalidOperationException">This worker provides a function of that id already.</exception>
    public IiiRegistration RegisterRawFunction(string id, RawFunctionHandler handler, RegisterFunctionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        RequireId(id);
        options ??= new RegisterFunctionOptions();
        return Register(new RawFunction(id, options.RunsInline, handler), options);
    }

    /// <summary>Asks for a function to be called whenever something happens.</summary>
    /// <param name="type">The trigger type, for example <c>http</c>.</param>
    /// <param name="functionId">The function to call. It need not be there yet, nor be this worker's.</param>
    /// <param name="configJson">The config that the type asks for, as JSON.</param>
    /// <param name="metadataJson">Anything about the trigger, as JSON; null for nothing.</param>
    /// <returns>Dispose of it to end the trigger.</returns>
    /// <remarks>A trigger of a type that nobody provides waits for the type. One that is refused is logged as a warning.</remarks>
    public IiiRegistration RegisterTrigger(string type, string functionId, string configJson = "{}", string? metadataJson = null)
    {
        RequireId(type);
        RequireId(functionId);
        var config = JsonCheck.Encode(configJson, nameof(configJson))!;
        var id = Guid.NewGuid().ToString();
        var frame = Frames.RegisterTrigger(id, type, functionId, config, JsonCheck.Encode(metadataJson, nameof(metadataJson)));
        _connection.TryRegister(RegistrationKind.Trigger, id, frame.Span);
        frame.Return();
        return new IiiRegistration(id, () => Unregister(RegistrationKind.Trigger, """{"type":"unregistertrigger","id":"""u8, id, type));
    }

    /// <summary>Provides a trigger type: the engine then says which triggers of it are wanted, and this worker calls their functions.</summary>
    /// <param name="id">The type, for example <c>mailbox</c>.</param>
    /// <param name="description">What makes triggers of this type fire.</param>
    /// <param name="onRegister">Sets a trigger up. What it throws is reported to whoever asked for the trigger.</param>
    /// <param name="onUnregister">Takes a trigger down; null when there is nothing to take down.</param>
    /// <returns>Dispose of it to provide the type no longer.</returns>
    /// <exception cref="InvalidOperationException">This worker provides a type of that id already.</exception>
    public IiiRegistration RegisterTriggerType(
        string id, string description, TriggerTypeHandler onRegister, TriggerTypeHandler? onUnregister = null)
    {
        RequireId(id);
        ArgumentNullException.ThrowIfNull(description);
        ArgumentNullException.ThrowIfNull(onRegister);
        var type = new TriggerType(id, onRegister, onUnregister ?? (static (_, _) => default), _connection, _logger);
        RequireNew(_triggerTypes.TryAdd(type), "trigger type", id);
        using var message = MessageWriter.Rent();
        message.Append("""{"type":"registertriggertype","id":"""u8);
        message.AppendText(id);
        message.Member(",\"description\":"u8, description);
        message.Append("}"u8);
        _connection.TryRegister(RegistrationKind.TriggerType, id, message.Span);
        return new IiiRegistration(id, () =>
        {
            Unregister(RegistrationKind.TriggerType, """{"type":"unregistertriggertype","id":"""u8, id);
            _triggerTypes.Remove(id);
        });
    }

    /// <summary>Calls a function with JSON and gives its result as JSON.</summary>
    /// <param name="functionId">The function.</param>
    /// <param name="inputJson">Its input: one JSON value, UTF-8.</param>
    /// <param name="options">How to call; null for the defaults.</param>
    /// <param name="cancellation">Ends the wait. The function is not told.</param>
    /// <returns>One JSON value, UTF-8; empty when the function has no result.</returns>
    /// <exception cref="IiiInvocationException">The function, or the engine, answered with an error.</exception>
    /// <exception cref="IiiTimeoutException">There was no answer in time.</exception>
    /// <exception cref="IiiConnectionException">The connection was lost, or too many calls wait for it.</exception>
    public ValueTask<ReadOnlyMemory<byte>> InvokeRawAsync(
        string functionId, ReadOnlyMemory<byte> inputJson, InvokeOptions? options = null, CancellationToken cancellation = default) =>
        _caller.CallAsync(functionId, inputJson, action: null, options, cancellation);

    /// <summary>Calls a function with JSON, and does not ask for its result.</summary>
    /// <returns>Completes when the call was handed to the connection. Whether it ran is not known.</returns>
    /// <inheritdoc cref="InvokeRawAsync"/>
    public async ValueTask InvokeVoidRawAsync(
        string functionId, ReadOnlyMemory<byte> inputJson, InvokeOptions? options = null, CancellationToken cancellation = default) =>
        await _caller.CallAsync(functionId, inputJson, Caller.VoidAction, options, cancellation).ConfigureAwait(false);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        lock (_functions)
        {
            return new ValueTask(_disposal ??= CloseAsync());
        }
    }

    internal IiiRegistration Register(Function function, RegisterFunctionOptions options)
    {
        using var message = MessageWriter.Rent();
        message.Append("""{"type":"registerfunction","id":"""u8);
        message.Append(function.IdJson);
        message.Member(",\"description\":"u8, options.Description);
        message.Member(",\"request_format\":"u8, JsonCheck.Encode(options.RequestFormat, nameof(options)));
        message.Member(",\"response_format\":"u8, JsonCheck.Encode(options.ResponseFormat, nameof(options)));
        message.Member(",\"metadata\":"u8, JsonCheck.Encode(options.Metadata, nameof(options)));
        message.Append("}"u8);

        // There before the engine knows, so that the fastest call finds it.
        RequireNew(_functions.TryAdd(function), "function", function.Id);
        _connection.TryRegister(RegistrationKind.Function, function.Id, message.Span);
        return new IiiRegistration(function.Id, () =>
        {
            Unregister(RegistrationKind.Function, """{"type":"unregisterfunction","id":"""u8, function.Id);
            _functions.Remove(function.Id);
        });
    }

    internal static void RequireId(string id) => ArgumentException.ThrowIfNullOrWhiteSpace(id);

    internal static JsonTypeInfo<T> TypeInfo<T>(System.Text.Json.Serialization.JsonSerializerContext context) =>
        context.GetTypeInfo(typeof(T)) as JsonTypeInfo<T>
        ?? throw new ArgumentException(
            $"{context.GetType().Name} does not know {typeof(T).Name}: add [JsonSerializable(typeof({typeof(T).Name}))] to it.", nameof(context));

    private static void RequireNew(bool isNew, string what, string id)
    {
        if (!isNew)
        {
            throw new InvalidOperationException($"This worker has registered a {what} {id} already. Dispose of that registration first.");
        }
    }

    private void Unregister(RegistrationKind kind, ReadOnlySpan<byte> head, string id, string? triggerType = null)
    {
        using var message = MessageWriter.Rent();
        Messages.Unregister(message, head, id, triggerType);
        _connection.Unregister(kind, id, message.Span);
    }

    private async Task CloseAsync()
    {
        _connection.Withdraw();
        await _inbound.DrainAsync(_options.ShutdownTimeout, _options.Time).ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
        _triggerTypes.Clear();
        _calls.Dispose();
        _inbound.Dispose();
    }
}
