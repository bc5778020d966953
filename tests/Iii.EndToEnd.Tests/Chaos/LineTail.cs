using System.Text;

namespace Iii.EndToEnd.Tests.Chaos;

/// <summary>Reads the lines of a file that another process is writing. A line counts once it has an end: a write may be seen in two parts.</summary>
internal sealed class LineTail(Stream file)
{
    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly StringBuilder _rest = new();

    /// <summary>The lines that were completed since the last time. ASCII.</summary>
    public IReadOnlyList<string> Read()
    {
        var lines = new List<string>();
        for (int count; (count = file.Read(_buffer)) > 0;)
        {
            foreach (var character in _buffer.AsSpan(0, count))
            {
                if (character == '\n')
                {
                    lines.Add(_rest.ToString());
                    _rest.Clear();
                }
                else
                {
                    _rest.Append((char)character);
                }
            }
        }

        return lines;
    }
}
