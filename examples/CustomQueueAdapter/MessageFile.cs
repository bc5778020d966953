using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Iii.Broker;

namespace CustomQueueAdapter;

/// <summary>A message of a group. The name of its file says how it stands, so that each change is one rename.</summary>
/// <param name="Folder">Where it is: with its group, with the group's dead letters, or with what waits for the queue's first group.</param>
/// <param name="VisibleAt">
/// In ticks of UTC: nobody takes it before. It is the end of a delay, of the pause before the next attempt, or of a lease, which a
/// consumer that is alive moves on. Of a dead letter, the time of its death.
/// </param>
/// <param name="Id">The id of the receipt.</param>
/// <param name="Attempt">How many times it was taken.</param>
internal sealed record MessageFile(string Folder, long VisibleAt, string Id, int Attempt)
{
    public string Name => string.Create(CultureInfo.InvariantCulture, $"{VisibleAt:x16}_{Id}_{Attempt}");

    private string FullName => Path.Combine(Folder, Name);

    /// <summary>The messages in a folder, the one that is due first in front.</summary>
    public static List<MessageFile> AllIn(string folder) =>
        [.. Directory.EnumerateFiles(folder).Select(Parse).OfType<MessageFile>().OrderBy(static file => file.Name, StringComparer.Ordinal)];

    /// <summary>The step of every change: of several who try it, one succeeds.</summary>
    /// <returns>False when somebody else has moved it.</returns>
    public bool TryMove(MessageFile next)
    {
        try
        {
            // Without `overwrite`, .NET would make a second link and delete the first: two could succeed.
            File.Move(FullName, next.FullName, overwrite: true);
            return true;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
    }

    /// <summary>The content, as of the last attempt that ended with a verdict; null when somebody else has moved the message.</summary>
    public QueueDelivery? TryRead()
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(FullName), MessageJson.Default.QueueDelivery);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (JsonException e)
        {
            throw new IOException($"{FullName} is no message: {e.Message}", e);
        }
    }

    /// <summary>Stores the content: when this returns, it survives a loss of power.</summary>
    /// <param name="content">What is there then, or nothing of it.</param>
    /// <param name="isNew">Whether the message is; else nothing is stored when somebody else has moved it.</param>
    public void Write(QueueDelivery content, bool isNew)
    {
        var path = Path.Combine(Folder, $".{Guid.NewGuid():N}");
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read | FileShare.Delete);
        JsonSerializer.Serialize(file, content, MessageJson.Default.QueueDelivery);
        file.Flush(flushToDisk: true);
        if (isNew || File.Exists(FullName))
        {
            File.Move(path, FullName, overwrite: true);
            RandomAccess.FlushToDisk(file.SafeFileHandle); // a journal that has this has the rename before it
        }

        File.Delete(path);
    }

    public void Delete() => File.Delete(FullName);

    private static MessageFile? Parse(string path) => Path.GetFileName(path).Split('_') is [var visibleAt, var id, var attempt]
        && long.TryParse(visibleAt, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var ticks)
        && int.TryParse(attempt, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            ? new MessageFile(Path.GetDirectoryName(path)!, ticks, id, count) : null;
}

[JsonSerializable(typeof(QueueDelivery))]
internal sealed partial class MessageJson : JsonSerializerContext;
