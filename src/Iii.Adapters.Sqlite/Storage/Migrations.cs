using System.Globalization;
using Iii.Adapters.Sqlite.Queues;
using Iii.Broker;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Iii.Adapters.Sqlite.Storage;

/// <summary>Brings the tables of a file from the version that it has, which <c>user_version</c> says, to the current one.</summary>
internal static class Migrations
{
    /// <summary>Marks the file as ours: the letters <c>iii</c> and a 1.</summary>
    private const int ApplicationId = 0x69696931;

    /// <summary>What leads from each version to the next, from version 0, the empty file, on. Never change one, only add.</summary>
    private static readonly string[] Steps = [MetaTable.Create + QueueSchema.Create];

    /// <summary>Refuses a file that somebody else has made, or a newer version of this program.</summary>
    public static void CheckOrigin(SqliteConnection connection, string path)
    {
        var isEmpty = Read(connection, "SELECT COUNT(*) FROM sqlite_schema") == 0;
        if (!isEmpty && Read(connection, "PRAGMA application_id") != ApplicationId)
        {
            throw new BrokerException(
                BrokerErrorCodes.BrokerUnavailable, $"{path} is the database of another program. Move it away, or give another folder.");
        }

        var version = Read(connection, "PRAGMA user_version");
        if (version > Steps.Length)
        {
            throw new BrokerException(
                BrokerErrorCodes.NotSupported,
                $"{path} has version {version}, which a newer program has made; this one knows versions up to {Steps.Length}. "
                + "Use the newer program, or give another folder.");
        }
    }

    /// <summary>Carries out the missing steps. Within a transaction.</summary>
    public static void Apply(SqliteConnection connection)
    {
        for (var version = Read(connection, "PRAGMA user_version"); version < Steps.Length; version++)
        {
            Execute(connection, Steps[version]);
            Execute(connection, string.Create(CultureInfo.InvariantCulture, $"PRAGMA user_version = {version + 1}"));
        }

        Execute(connection, string.Create(CultureInfo.InvariantCulture, $"PRAGMA application_id = {ApplicationId}"));
    }

    private static long Read(SqliteConnection connection, string sql)
    {
        using var statement = new Statement(connection.Handle!, sql);
        return statement.Step() ? statement.Number(0) : 0;
    }

    private static void Execute(SqliteConnection connection, string sql) =>
        SqliteException.ThrowExceptionForRC(raw.sqlite3_exec(connection.Handle!, sql), connection.Handle!);
}
