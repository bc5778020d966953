using Iii.Protocol;

namespace Iii.Engine.Modules.Queue;

/// <summary>What a caller gets for a job that was stored (http-queue-pubsub-cron §2).</summary>
internal static class JobReceipt
{
    public static byte[] Write(string messageId)
    {
        var json = new FrameBuilder(64);
        json.Append("{\"messageReceiptId\":"u8);
        json.AppendText(messageId);
        json.Append("}"u8);
        return json.ToArray();
    }
}
