using Iii.Broker;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Iii.Adapters.Sqlite.Storage;

/// <summary>What SQLite's errors mean to whoever uses the broker.</summary>
internal static class StorageErrors
{
    public static BrokerException ToBrokerException(SqliteException exception, string path) => exception.SqliteErrorCode switch
    {
        raw.SQLITE_BUSY or raw.SQLITE_LOCKED => new BrokerException(
            BrokerErrorCodes.Conflict,
            $"{path} is held by {OwnerFile.Describe(path)}; one process at a time can use it. Stop that one, or give this one another folder.",
            exception),
        raw.SQLITE_NOTADB => Unavailable($"{path} is no SQLite database. Move it away, or give another folder.", exception),
        raw.SQLITE_CORRUPT => Unavailable(
            $"{path} is damaged ({exception.Message}). Restore it, or rescue what can be read with 'sqlite3 {path} .recover'.", exception),
        raw.SQLITE_FULL => Unavailable($"The disk of {path} is full. Nothing was stored; make room.", exception),
        raw.SQLITE_READONLY or raw.SQLITE_CANTOPEN or raw.SQLITE_PERM or raw.SQLITE_AUTH => Unavailable(
            $"{path} cannot be opened for writing ({exception.Message}). Let this process write to it and to its folder, or give another folder.",
            exception),
        _ => Unavailable($"{path} could not be read or written: {exception.Message}", exception),
    };

    public static BrokerException FolderUnusable(string folder, Exception exception) => Unavailable(
        $"The folder {Path.GetFullPath(folder)} cannot be used ({exception.Message}). Let this process write to it, or give another folder.",
        exception);

    /// <summary>Whether the same operation may succeed later: it is the disk that refuses, not the data.</summary>
    public static bool IsTransient(Exception exception) => exception is SqliteException
    {
        SqliteErrorCode: raw.SQLITE_FULL or raw.SQLITE_IOERR or raw.SQLITE_BUSY or raw.SQLITE_LOCKED or raw.SQLITE_NOMEM
            or raw.SQLITE_READONLY or raw.SQLITE_CANTOPEN or raw.SQLITE_PERM or raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB
    };

    private static BrokerException Unavailable(string message, Exception exception) =>
        new(BrokerErrorCodes.BrokerUnavailable, message, exception);
}
