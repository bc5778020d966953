using System.Globalization;

namespace Iii.Engine.Configuration;

/// <summary>One thing that is wrong with a configuration, and where.</summary>
/// <param name="File">The file as the user named it.</param>
/// <param name="Line">The line in the file as written, from 1; 0 when the error is about the file as a whole.</param>
/// <param name="Column">The column in that line, from 1, in UTF-16 units; 0 when the error is about the file as a whole.</param>
/// <param name="Message">What is wrong, with the value, and what to write instead.</param>
public sealed record ConfigurationError(string File, int Line, int Column, string Message)
{
    /// <summary>
    /// The line in question with a caret under the column, indented, without a final line break; null when there is none.
    /// </summary>
    /// <remarks>
    /// It shows the file as written, so a variable is seen by its name and never by its value. Passwords in URLs are masked.
    /// </remarks>
    public string? Excerpt { get; init; }

    /// <summary>The error and, on the lines below it, the place in the file.</summary>
    /// <returns>Text of one or three lines, without a final line break.</returns>
    public string Render() => Excerpt is null ? ToString() : ToString() + "\n" + Excerpt;

    /// <summary>The error on one line: <c>config.yaml:7:15: message</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString() =>
        Line == 0 ? $"{File}: {Message}" : string.Create(CultureInfo.InvariantCulture, $"{File}:{Line}:{Column}: {Message}");
}
