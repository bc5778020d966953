namespace Iii.Engine.Cluster.Catalogs;

/// <summary>What a catalog's entry is about.</summary>
internal enum CatalogKind
{
    /// <summary>A connected worker. It has no name beside the worker's id.</summary>
    Worker = 'w',

    /// <summary>A function that a worker provides.</summary>
    Function = 'f',

    /// <summary>A trigger that a worker registered, by the id of the registration.</summary>
    Trigger = 't',

    /// <summary>A trigger type that a worker provides.</summary>
    TriggerType = 'y',

    /// <summary>The places that the instance itself has of a limit, by the limit's name. It is of no worker.</summary>
    Places = 'p',
}

/// <summary>The key of an entry: what it is, whose it is (empty for the instance itself), and its name.</summary>
internal readonly record struct CatalogKey(CatalogKind Kind, string WorkerId, string Name)
{
    private const char Separator = '\n';

    /// <summary>The key as text. A worker's id has no separator in it; what comes behind may be anything.</summary>
    public string Text => $"{(char)Kind}{WorkerId}{Separator}{Name}";

    /// <summary>Reads a key.</summary>
    /// <returns>False for one that a later version may have written.</returns>
    public static bool TryParse(string text, out CatalogKey key)
    {
        key = default;
        var end = text.IndexOf(Separator);
        if (end < 1 || !Enum.IsDefined((CatalogKind)text[0]))
        {
            return false;
        }

        key = new CatalogKey((CatalogKind)text[0], text[1..end], text[(end + 1)..]);
        return true;
    }
}
