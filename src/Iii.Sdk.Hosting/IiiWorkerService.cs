using Microsoft.Extensions.Hosting;

namespace Iii.Sdk.Hosting;

/// <summary>Ties the worker's life to the host's.</summary>
internal sealed class IiiWorkerService(IiiWorker worker, Action<IiiWorker, IServiceProvider>? register, IServiceProvider services) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        register?.Invoke(worker, services);
        return Task.CompletedTask;
    }

    /// <summary>Lets the handlers finish, for as long as the worker's and the host's patience allow.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => worker.DisposeAsync().AsTask().WaitAsync(cancellationToken);
}
