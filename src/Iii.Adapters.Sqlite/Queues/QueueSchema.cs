namespace Iii.Adapters.Sqlite.Queues;

/// <summary>The tables of the queues, as version 1 makes them.</summary>
internal static class QueueSchema
{
    public const string Create =
        QueueTable.Create + GroupTable.Create + MessageTable.Create + BodyTable.Create + ReceiptTable.Create;
}
