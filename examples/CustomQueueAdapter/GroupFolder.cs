using System.Security.Cryptography;
using System.Text;
using Iii.Broker;

namespace CustomQueueAdapter;

/// <summary>The folder of a group.</summary>
/// <remarks>
/// <code>
/// ROOT/QUEUE/.unbound/MESSAGE     from before the queue had a group
/// ROOT/QUEUE/GROUP/MESSAGE        the content is a QueueDelivery
/// ROOT/QUEUE/GROUP/.dead/MESSAGE  a dead letter
/// ROOT/QUEUE/GROUP/.consumers     locked while the group has a consumer, in whatever process
/// </code>
/// </remarks>
/// <param name="queue">The folder of its queue.</param>
/// <param name="name">Its name there.</param>
internal sealed class GroupFolder(string queue, string name)
{
    public const string Unbound = ".unbound";

    private Queue<MessageFile> _due = new();

    public string FullName { get; } = Path.Combine(queue, name);

    public string Dead => Path.Combine(FullName, ".dead");

    /// <summary>The folders that a message of a queue goes to.</summary>
    public static List<string> AllIn(string queue)
    {
        var folders = Directory.GetDirectories(queue).ToList();
        return folders.FindAll(folder => folders.Count == 1 || Path.GetFileName(folder) != Unbound);
    }

    /// <summary>Names may be longer, and have other characters, than those of folders.</summary>
    public static string Encode(string name) => string.Concat(name.Where(char.IsAsciiLetterOrDigit).Take(40))
        + $"-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..32]}";

    /// <summary>Makes this a group of the queue. It is in use until the result is disposed of, or the process has ended.</summary>
    public IDisposable Bind()
    {
        Directory.CreateDirectory(Dead);
        Adopt();
        return Lock(FileShare.ReadWrite);
    }

    /// <summary>Takes the message that is due first, by giving its file the name of one that is leased; null when none is due.</summary>
    public MessageFile? TryTake(DateTimeOffset now, TimeSpan leaseTime)
    {
        if (_due.Count == 0)
        {
            Adopt();
            _due = new(MessageFile.AllIn(FullName).TakeWhile(file => file.VisibleAt <= now.UtcTicks));
        }

        while (_due.TryDequeue(out var file))
        {
            var leased = file with { VisibleAt = (now + leaseTime).UtcTicks, Attempt = file.Attempt + 1 };
            if (file.TryMove(leased))
            {
                return leased;
            }
        }

        return null;
    }

    public List<MessageFile> ListDead() => Directory.Exists(Dead) ? MessageFile.AllIn(Dead) : [];

    /// <summary>Deletes it, with all that it holds; false when it is not there.</summary>
    public bool TryRemove()
    {
        if (!Directory.Exists(FullName))
        {
            return false;
        }

        try
        {
            using var alone = Lock(FileShare.None);
            Directory.Delete(FullName, recursive: true);
            return true;
        }
        catch (IOException e)
        {
            throw new BrokerException(BrokerErrorCodes.Conflict, $"The group has consumers; remove it when they are gone. {e.Message}", e);
        }
    }

    private void Adopt() =>
        MessageFile.AllIn(Path.Combine(queue, Unbound)).ForEach(file => file.TryMove(file with { Folder = FullName }));

    private FileStream Lock(FileShare share) =>
        new(Path.Combine(FullName, ".consumers"), FileMode.OpenOrCreate, FileAccess.ReadWrite, share);
}
