using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Tokens;

namespace Iii.Engine.Configuration;

/// <summary>
/// The text of a file with its variables put in, ready for the YAML parser, and the way back from each of its characters to the
/// file as written.
/// </summary>
/// <remarks>
/// <para>
/// Whether a reference stands in a comment, a quoted text, a block text or plain text is a question for YAML itself. So each
/// reference is first replaced by a marker of the same length, made of private characters that mean nothing to YAML, and the
/// marked text is tokenised. What no token covers is comment.
/// </para>
/// <para>
/// In plain text the value then replaces the marker before the parser runs, so that it is typed like anything else in the file.
/// In quoted and block text the marker stays, and <see cref="Resolve"/> puts the value into the parsed text: no quote, backslash
/// or line break of it can be misread. A variable without a value keeps its marker everywhere, which tells the binder to be
/// silent about a text that is reported already.
/// </para>
/// <para>
/// Marker layout: <see cref="MarkerStart"/>, three digits of base 64 (the reference's index, high digit first), filler.
/// </para>
/// </remarks>
internal sealed class VariableExpansion
{
    public const int MaxReferences = 10_000;
    public const int MaxValuesLength = 4 * 1024 * 1024;

    private const char MarkerStart = '\uF800';
    private const char MarkerFiller = '\uF801';
    private const char FirstDigit = '\uF802';
    private const char LastMarker = '\uF841';

    private readonly List<VariableReference> _references;
    private readonly Func<string, string?> _environment;
    private readonly ErrorLog _errors;
    private readonly bool[] _isPlain;
    private readonly List<Insertion> _insertions = [];
    private long _valuesLength;

    private VariableExpansion(List<VariableReference> references, Func<string, string?> environment, ErrorLog errors)
    {
        _references = references;
        _environment = environment;
        _errors = errors;
        _isPlain = new bool[references.Count];
    }

    /// <summary>The text for the parser.</summary>
    public string Text { get; private set; } = "";

    /// <summary>Expands a file; null when an error keeps it from being read any further.</summary>
    public static VariableExpansion? Expand(SourceText source, Func<string, string?> environment, ErrorLog errors)
    {
        var references = VariableReference.Find(source.Text, MaxReferences + 1);
        if (references.Count > MaxReferences)
        {
            errors.Error(references[MaxReferences].Offset, $"more than {MaxReferences} variables in one file");
            return null;
        }

        var expansion = new VariableExpansion(references, environment, errors);
        var marked = expansion.Mark(source.Text);
        return expansion.TakeContexts(marked) && expansion.InsertPlain(marked) ? expansion : null;
    }

    /// <summary>Whether text holds a character that is kept for markers.</summary>
    public static int IndexOfReservedCharacter(ReadOnlySpan<char> text) => text.IndexOfAnyInRange(MarkerStart, LastMarker);

    /// <summary>Where text writes a reserved character as an escape of a double-quoted text; -1 for nowhere.</summary>
    public static int IndexOfReservedEscape(string text)
    {
        var at = text.IndexOf("\\uF8", StringComparison.OrdinalIgnoreCase);
        return at >= 0 ? at : text.IndexOf("\\U0000F8", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The offset in the file of a character of <see cref="Text"/>.</summary>
    public int ToSource(long offset)
    {
        var (low, high) = (0, _insertions.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _insertions[middle].Offset <= offset ? (middle + 1, high) : (low, middle);
        }

        if (low == 0)
        {
            return (int)offset;
        }

        var last = _insertions[low - 1];
        var behind = (int)offset - last.Offset - last.Length;
        return behind < 0 ? last.SourceOffset : last.SourceOffset + last.SourceLength + behind;
    }

    /// <summary>Puts the values of the markers in a parsed text; false when a variable has no value.</summary>
    public bool Resolve(string parsed, out string resolved)
    {
        if (!parsed.Contains(MarkerStart))
        {
            resolved = parsed;
            return true;
        }

        var isComplete = true;
        var result = new StringBuilder();
        for (var i = 0; i < parsed.Length;)
        {
            if (parsed[i] != MarkerStart)
            {
                result.Append(parsed[i++]);
                continue;
            }

            var value = MarkedReference(parsed, i) is { } reference ? Value(reference) : null;
            result.Append(value);
            isComplete &= value is not null;
            for (i++; i < parsed.Length && parsed[i] is > MarkerStart and <= LastMarker; i++)
            {
            }
        }

        resolved = result.ToString();
        return isComplete;
    }

    private string Mark(string text)
    {
        var marked = text.ToCharArray();
        for (var i = 0; i < _references.Count; i++)
        {
            var marker = marked.AsSpan(_references[i].Offset, _references[i].Length);
            marker.Fill(MarkerFiller);
            marker[0] = MarkerStart;
            if (_references[i].Fault is null)
            {
                marker[1] = (char)(FirstDigit + (i >> 12));
                marker[2] = (char)(FirstDigit + ((i >> 6) & 63));
                marker[3] = (char)(FirstDigit + (i & 63));
            }
        }

        return new string(marked);
    }

    private VariableReference? MarkedReference(string text, int at) =>
        at + 3 < text.Length && text[at + 1] >= FirstDigit && text[at + 2] >= FirstDigit && text[at + 3] >= FirstDigit
            ? _references[((text[at + 1] - FirstDigit) << 12) | ((text[at + 2] - FirstDigit) << 6) | (text[at + 3] - FirstDigit)]
            : null;

    /// <summary>Sorts the references by where they stand, and reports those that matter and have no value.</summary>
    private bool TakeContexts(string marked)
    {
        var next = 0;
        var scanner = new BoundedScanner(marked, _errors);
        while (scanner.TryNext(out var token))
        {
            var start = ValueStart(token, marked);
            for (; next < _references.Count && _references[next].Offset < token.End.Index; next++)
            {
                if (_references[next].Offset >= start)
                {
                    _isPlain[next] = token is not Scalar { Style: not ScalarStyle.Plain };
                    Check(_references[next]);
                }
            }
        }

        return !scanner.HasFailed && _valuesLength <= MaxValuesLength;
    }

    /// <summary>
    /// Where the text of a token starts: the first line of a block text is its header, which may end in a comment.
    /// </summary>
    private static long ValueStart(Token token, string marked)
    {
        if (token is not Scalar { Style: ScalarStyle.Literal or ScalarStyle.Folded })
        {
            return token.Start.Index;
        }

        var header = marked.AsSpan((int)token.Start.Index).IndexOfAny('\n', '\r');
        return header < 0 ? token.End.Index : token.Start.Index + header;
    }

    /// <summary>Reports a reference that matters and cannot be used.</summary>
    private void Check(VariableReference reference)
    {
        if (reference.Fault is not null)
        {
            _errors.Error(reference.Offset, reference.Fault);
        }
        else if (Value(reference) is not { } value)
        {
            _errors.Error(
                reference.Offset,
                $"environment variable {DisplayText.Quote(reference.Name)} is not set and has no default; "
                + $"set it, or write ${{{DisplayText.Clip(reference.Name)}:default}}");
        }
        else
        {
            var before = _valuesLength;
            _valuesLength += value.Length;
            if (before <= MaxValuesLength && _valuesLength > MaxValuesLength)
            {
                _errors.Error(reference.Offset, $"the variables of the file have more than {MaxValuesLength} characters");
            }
        }
    }

    private bool InsertPlain(string marked)
    {
        var result = new StringBuilder(marked.Length);
        var copied = 0;
        for (var i = 0; i < _references.Count; i++)
        {
            if (!_isPlain[i] || Value(_references[i]) is not { } value)
            {
                continue;
            }

            var reference = _references[i];
            if (YamlTree.IndexOfForbidden(value) >= 0)
            {
                _errors.Error(
                    reference.Offset,
                    $"the value of {DisplayText.Quote(reference.Name)} has a character that YAML does not allow in plain text; "
                    + "put the reference in double quotes");
                return false;
            }

            result.Append(marked, copied, reference.Offset - copied);
            _insertions.Add(new Insertion(result.Length, value.Length, reference.Offset, reference.Length));
            result.Append(value);
            copied = reference.Offset + reference.Length;
        }

        Text = result.Append(marked, copied, marked.Length - copied).ToString();
        return true;
    }

    private string? Value(VariableReference reference) =>
        reference.Fault is null ? _environment(reference.Name) ?? reference.Default : null;

    private readonly record struct Insertion(int Offset, int Length, int SourceOffset, int SourceLength);
}
