using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Iii.Sdk.Hosting;

/// <summary>Adds a worker to a host.</summary>
/// <example>
/// <code>
/// var builder = Host.CreateApplicationBuilder(args);
/// builder.AddIiiWorker("ws://localhost:49134", (worker, services) =>
///     worker.RegisterFunction("math.add", (Terms terms) => new Sum(terms.A + terms.B), Json.Default.Terms, Json.Default.Sum));
/// builder.Logging.AddIii("ws://localhost:49134");
/// await builder.Build().RunAsync();
/// </code>
/// </example>
public static class IiiHostingExtensions
{
    /// <summary>Adds an <see cref="IiiWorker"/> as a singleton, which lives as long as the host runs.</summary>
    /// <remarks>
    /// The host does not wait for the connection: it is made in the background, and made anew whenever it ends. When the host
    /// stops, the worker takes everything back, waits for the handlers that run, and closes.
    /// </remarks>
    /// <param name="builder">The host's builder.</param>
    /// <param name="url">The engine's address.</param>
    /// <param name="register">Registers what the worker provides, before the host has started.</param>
    /// <param name="options">How to connect; null for the defaults. Without a logger factory of its own it gets the host's.</param>
    public static IHostApplicationBuilder AddIiiWorker(
        this IHostApplicationBuilder builder,
        string url,
        Action<IiiWorker, IServiceProvider>? register = null,
        IiiWorkerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddSingleton(services =>
        {
            var settings = options ?? new IiiWorkerOptions();
            return IiiWorker.Start(url, settings.LoggerFactory is not null
                ? settings
                : settings with { LoggerFactory = services.GetService<ILoggerFactory>() });
        });
        builder.Services.AddSingleton<IHostedService>(services =>
            new IiiWorkerService(services.GetRequiredService<IiiWorker>(), register, services));
        return builder;
    }

    /// <summary>Sends what is logged to the engine.</summary>
    /// <param name="logging">The host's logging.</param>
    /// <param name="url">The engine's address.</param>
    /// <param name="options">How records are sent; null for the defaults.</param>
    public static ILoggingBuilder AddIii(this ILoggingBuilder logging, string url, IiiTelemetryOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(logging);
        logging.Services.AddSingleton<ILoggerProvider>(_ => new IiiLoggerProvider(url, options));
        return logging;
    }
}
