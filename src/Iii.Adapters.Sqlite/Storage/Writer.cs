using System.Collections.Concurrent;
using System.Threading.Channels;
using Iii.Broker;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace Iii.Adapters.Sqlite.Storage;

/// <summary>
/// The one thread that uses the file. It takes what waits, up to <see cref="MaxBatch"/> owed and as many requested operations,
/// carries them out in one transaction, and completes them when that is on disk: while one commit is synced, the next batch gathers.
/// </summary>
/// <remarks>
/// When a transaction fails, it is rolled back and memory is made anew from the file. The requests are tried once more, then their
/// callers are told. What is owed is kept and tried again, each alone and after a pause.
/// </remarks>
internal sealed class Writer : IAsyncDisposable
{
    /// <summary>Most operations of each kind in one transaction.</summary>
    public const int MaxBatch = 512;

    /// <summary>Most requests that wait for the writer; whoever has one more waits to hand it in.</summary>
    public const int MaxWaitingRequests = 4_096;

    /// <summary>After a failure: long enough that a full disk does not cost a core.</summary>
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromMilliseconds(100);

    private readonly Database _database;
    private readonly StorageClock _clock;
    private readonly IParticipant[] _participants;
    private readonly ILogger _logger;
    private readonly Channel<Operation> _requests =
        Channel.CreateBounded<Operation>(new BoundedChannelOptions(MaxWaitingRequests) { SingleReader = true });

    private readonly ConcurrentQueue<Operation> _owed = new();
    private readonly Queue<Operation> _failedOwed = new();
    private readonly List<Operation> _batch = new(2 * MaxBatch);
    private readonly ManualResetEventSlim _wake = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ITimer _timer;
    private bool _isLoaded;
    private bool _hasMore = true;

    /// <summary>The last transaction failed: while that goes on, it is logged once.</summary>
    private bool _isFailing;
    private volatile bool _isClosing;
    private volatile bool _isBroken;

    public Writer(Database database, StorageClock clock, IParticipant[] participants, ILogger logger)
    {
        (_database, _clock, _participants, _logger) = (database, clock, participants, logger);
        _timer = clock.CreateTimer(Wake);
    }

    /// <summary>Reads the file, on the caller's thread, and starts.</summary>
    public void Start()
    {
        Load();
        new Thread(Run) { IsBackground = true, Name = "iii sqlite writer" }.Start();
    }

    /// <summary>Hands in an operation that somebody waits for, when there is room.</summary>
    public ValueTask<T> RequestAsync<T>(Operation<T> operation, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (cancellationToken.CanBeCanceled || !_requests.Writer.TryWrite(operation))
        {
            return RequestSlowlyAsync(operation, cancellationToken);
        }

        Wake();
        return operation.Task;
    }

    /// <summary>Hands in an operation that has to be done. Whoever calls this bounds how many there are.</summary>
    public void Owe(Operation operation)
    {
        _owed.Enqueue(operation);
        Wake();
        if (_ended.Task.IsCompleted)
        {
            FailAll();
        }
    }

    /// <summary>Ends at once, as a killed process does: nothing more is committed.</summary>
    public Task BreakAsync()
    {
        _isBroken = true;
        Wake();
        return _ended.Task;
    }

    /// <summary>Carries out what was handed in, then closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        _isClosing = true;
        Wake();
        await _ended.Task.ConfigureAwait(false);
    }

    private async ValueTask<T> RequestSlowlyAsync<T>(Operation<T> operation, CancellationToken cancellationToken)
    {
        try
        {
            await _requests.Writer.WriteAsync(operation, cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw Closed();
        }

        Wake();
        await using var registration = cancellationToken.UnsafeRegister(
            static (state, token) => ((Operation<T>)state!).Cancel(token), operation);
        return await operation.Task.ConfigureAwait(false);
    }

    private void Wake()
    {
        if (!_wake.IsSet)
        {
            _wake.Set();
        }
    }

    private void Run()
    {
        while (!_isBroken)
        {
            var owed = TakeBatch();
            if (_batch.Count == 0 && _isClosing)
            {
                break;
            }

            if (_batch.Count > 0 || _hasMore || _clock.Now >= WakesAt())
            {
                var failure = Transact(_batch, owed);
                if (failure is not null)
                {
                    TakeBack(failure, owed);
                }

                _isFailing = failure is not null;
            }
            else
            {
                Sleep();
            }

            RetryFailed();
        }

        End();
    }

    /// <summary>Takes what waits: what is owed first, and so many of the batch are.</summary>
    private int TakeBatch()
    {
        _batch.Clear();
        _wake.Reset();
        while (_batch.Count < MaxBatch && _owed.TryDequeue(out var operation))
        {
            _batch.Add(operation);
        }

        var owed = _batch.Count;
        while (_batch.Count < owed + MaxBatch && _requests.Reader.TryRead(out var operation))
        {
            if (operation.TryTake())
            {
                _batch.Add(operation);
            }
        }

        return owed;
    }

    private long WakesAt()
    {
        var wakesAt = long.MaxValue;
        foreach (var participant in _participants)
        {
            wakesAt = Math.Min(wakesAt, participant.WakesAt);
        }

        return wakesAt;
    }

    private void Sleep()
    {
        _clock.Set(_timer, WakesAt());
        WaitToBeWoken();
    }

    /// <summary>Returns when there may be something to do. Whoever calls this looks for it after the reset of the signal.</summary>
    private void WaitToBeWoken()
    {
        if (!_isBroken && !_isClosing)
        {
            _wake.Wait();
        }
    }

    /// <summary>Does a batch in one transaction, and completes it. If that fails nothing has happened, to the batch neither.</summary>
    private Exception? Transact(List<Operation> batch, int owed, bool works = true)
    {
        try
        {
            _database.Begin();
            if (!_isLoaded)
            {
                Load();
            }

            Execute(batch, 0, owed);
            if (works)
            {
                Work();
            }

            Execute(batch, owed, batch.Count);
            _hasMore = !works || Work(); // what is settled without it may have freed a place
            if (_isBroken)
            {
                throw Closed();
            }

            _database.Commit();
        }
#pragma warning disable CA1031 // Whatever goes wrong, the callers are told and the file stays as it was.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return RollBack(exception);
        }

        foreach (var participant in _participants)
        {
            participant.Committed();
        }

        foreach (var operation in batch)
        {
            if (operation.Refusal is { } refusal)
            {
                operation.Fail(refusal);
            }
            else
            {
                operation.Complete();
            }
        }

        return null;
    }

    private Exception RollBack(Exception cause)
    {
        _isLoaded = false;
        _hasMore = true;
        try
        {
            _database.Rollback();
        }
        catch (SqliteException exception)
        {
            _logger.RollbackFailed(exception, _database.Path);
        }

        return cause;
    }

    /// <summary>
    /// Takes care of the batch that failed: what is owed waits, and the requests are tried once more by themselves, since it need
    /// not have been one of them.
    /// </summary>
    private void TakeBack(Exception cause, int owed)
    {
        if (!_isBroken && !_isFailing)
        {
            _logger.TransactionFailed(cause, _database.Path, _batch.Count);
        }

        for (var i = 0; i < owed; i++)
        {
            _failedOwed.Enqueue(_batch[i]);
        }

        _batch.RemoveRange(0, owed);
        if (_batch.Count > 0 && Transact(_batch, 0, works: false) is { } failure)
        {
            var answer = failure is SqliteException exception ? StorageErrors.ToBrokerException(exception, _database.Path) : failure;
            _batch.ForEach(operation => operation.Fail(answer));
        }

        Pause();
    }

    /// <summary>Tries what is owed again, each alone.</summary>
    private void RetryFailed()
    {
        var isRefused = false;
        for (var count = _failedOwed.Count; count > 0 && !_isBroken; count--)
        {
            var operation = _failedOwed.Dequeue();
            var failure = Transact([operation], 1, works: false);
            if (failure is not null && StorageErrors.IsTransient(failure))
            {
                isRefused = true;
                _failedOwed.Enqueue(operation);
            }
            else if (failure is not null)
            {
                _logger.OperationGivenUp(failure, _database.Path);
                operation.Fail(failure);
            }
        }

        if (isRefused)
        {
            Pause();
        }
    }

    /// <summary>Lets time pass, unless it is to end.</summary>
    private void Pause()
    {
        for (var end = _clock.Now + PauseAfterFailure.Ticks; !_isBroken && !_isClosing && _clock.Now < end;)
        {
            _wake.Reset();
            _clock.Set(_timer, end);
            WaitToBeWoken();
        }
    }

    private bool Work()
    {
        var hasMore = false;
        foreach (var participant in _participants)
        {
            hasMore |= participant.Work();
        }

        return hasMore;
    }

    private void Load()
    {
        foreach (var participant in _participants)
        {
            participant.Load();
        }

        _isLoaded = true;
    }

    private void End()
    {
        _requests.Writer.TryComplete();
        RetryFailed();
        foreach (var participant in _participants)
        {
            participant.Broken();
        }

        _timer.Dispose();
        try
        {
            _database.Dispose();
        }
        catch (SqliteException exception)
        {
            _logger.CloseFailed(exception, _database.Path);
        }

        _ended.SetResult();
        while (_failedOwed.TryDequeue(out var operation))
        {
            operation.Fail(Closed());
        }

        FailAll();
    }

    private void FailAll()
    {
        while (_owed.TryDequeue(out var operation))
        {
            operation.Fail(Closed());
        }

        while (_requests.Reader.TryRead(out var operation))
        {
            if (operation.TryTake())
            {
                operation.Fail(Closed());
            }
        }
    }

    private BrokerException Closed() =>
        new(BrokerErrorCodes.BrokerUnavailable, $"{_database.Path} is closed in this process; open it again.");

    private static void Execute(List<Operation> batch, int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            batch[i].Refusal = null;
            try
            {
                batch[i].Execute();
            }
            catch (BrokerException refusal)
            {
                batch[i].Refusal = refusal;
            }
        }
    }
}
