using Iii.Engine.Discovery;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>Functions that workers register with a URL: the engine calls it, and its answer is the result.</summary>
internal sealed class HttpFunctionsModule : IDisposable
{
    private readonly HttpInvocationReader? _invocations;
    private readonly HttpCaller? _caller;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    /// <summary>Makes the module.</summary>
    /// <param name="options">Its options; null when the configuration does not list it: then it only explains that.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Told of every registration that cannot be called.</param>
    /// <param name="environment">Where secrets are; null for the environment of the process.</param>
    /// <param name="dialer">Opens connections; null for the network.</param>
    public HttpFunctionsModule(
        HttpFunctionsOptions? options,
        TimeProvider time,
        ILogger<HttpFunctionsModule> logger,
        EnvironmentReader? environment = null,
        GuardedDialer? dialer = null)
    {
        _time = time;
        _logger = logger;
        if (options is null)
        {
            return;
        }

        _invocations = new HttpInvocationReader(new UrlPolicy(options.Security));
        _caller = new HttpCaller(
            options, time, environment ?? Environment.GetEnvironmentVariable, dialer ?? new GuardedDialer(options.Security.BlockPrivateIps));
    }

    /// <summary>Makes the provider of a function, which may be one that only says what is wrong.</summary>
    /// <param name="functionId">The function.</param>
    /// <param name="invocationJson">The member <c>invocation</c> of the registration.</param>
    /// <param name="owner">The worker that registers it.</param>
    public FunctionProvider Provide(string functionId, ReadOnlySpan<byte> invocationJson, HttpFunctionOwner owner)
    {
        if (_invocations is null)
        {
            return Refuse(functionId, new HttpFunctionProblem(
                HttpFunctionErrorCodes.NotEnabled,
                $"Function {functionId} is to be called over HTTP; for that, list modules::http_functions::HttpFunctionsModule in the configuration"));
        }

        return _invocations.TryRead(functionId, invocationJson, out var invocation, out var problem)
            ? new HttpFunction(invocation, owner, _caller!, _time)
            : Refuse(functionId, problem);
    }

    public void Dispose() => _caller?.Dispose();

    private RefusedFunction Refuse(string functionId, HttpFunctionProblem problem)
    {
        _logger.FunctionCannotBeCalled(functionId, problem.Code, problem.Message);
        return new RefusedFunction(problem);
    }
}
