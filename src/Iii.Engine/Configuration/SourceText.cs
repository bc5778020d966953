using System.Globalization;

namespace Iii.Engine.Configuration;

/// <summary>A configuration file as written. Every position in an error is a position in this text.</summary>
internal sealed class SourceText
{
    private const int LongestExcerptedLine = 8192;
    private const int ExcerptWidth = 100;

    private readonly List<int> _lineStarts = [0];

    public SourceText(string file, string text)
    {
        File = file;
        Text = text;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\n' || (text[i] == '\r' && (i + 1 == text.Length || text[i + 1] != '\n')))
            {
                _lineStarts.Add(i + 1);
            }
        }
    }

    public string File { get; }

    public string Text { get; }

    /// <summary>The line, from 1, that an offset is in.</summary>
    public int Line(int offset)
    {
        var found = _lineStarts.BinarySearch(Math.Clamp(offset, 0, Text.Length));
        return found >= 0 ? found + 1 : ~found;
    }

    public ConfigurationError ErrorAt(int offset, string message)
    {
        var at = Math.Clamp(offset, 0, Text.Length);
        var line = Line(at);
        var column = at - _lineStarts[line - 1] + 1;
        return new ConfigurationError(File, line, column, message) { Excerpt = Excerpt(line, column) };
    }

    private string? Excerpt(int line, int column)
    {
        var start = _lineStarts[line - 1];
        var end = line < _lineStarts.Count ? _lineStarts[line] : Text.Length;
        if (end - start > LongestExcerptedLine)
        {
            return null;
        }

        // Masked before it is cut: the cut must not take away the '@' that gives a password away.
        var shown = DisplayText.MaskCredentials(Text[start..end].TrimEnd('\r', '\n'));
        var caret = Math.Min(column - 1, shown.Length);
        var from = Math.Max(0, Math.Min(caret - (ExcerptWidth / 2), shown.Length - ExcerptWidth));
        shown = shown.Substring(from, Math.Min(ExcerptWidth, shown.Length - from));
        caret -= from;
        if (string.IsNullOrWhiteSpace(shown))
        {
            return null;
        }

        // A tab before the caret stays a tab, so that the two lines are as wide.
        var pad = string.Concat(shown.Take(caret).Select(c => c == '\t' ? '\t' : ' '));
        var number = line.ToString(CultureInfo.InvariantCulture).PadLeft(5);
        return $"{number} | {shown}\n      | {pad}^";
    }
}
