using System.Globalization;
using Iii.EndToEnd.Tests.Processes;

namespace Iii.EndToEnd.Tests.Chaos;

/// <summary>What the recording workers wrote down, one file for each life of a worker.</summary>
internal sealed class Recordings : IDisposable
{
    private const long NanosecondsPerTick = 100;

    private readonly TemporaryFolder _folder = new();
    private readonly List<FileStream> _files = [];
    private readonly List<LineTail> _tails = [];
    private readonly List<(bool IsStart, TimeSpan Time, JobName Job, int File)> _lines = [];
    private readonly HashSet<JobName> _handled = [];

    /// <summary>A file that is there once jobs shall succeed.</summary>
    public string Gate => Path.Combine(_folder.FullPath, "gate");

    /// <summary>How many lives wrote something.</summary>
    public int UsedFiles => _files.Count(static file => file.Length > 0);

    /// <summary>Lets jobs succeed from now on.</summary>
    public void OpenGate() => File.WriteAllText(Gate, "");

    /// <summary>A file for a worker's next life.</summary>
    public string NextFile()
    {
        var path = Path.Combine(_folder.FullPath, _files.Count.ToString(CultureInfo.InvariantCulture));
        var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Read, FileShare.ReadWrite);
        _files.Add(file);
        _tails.Add(new LineTail(file));
        return path;
    }

    /// <summary>Reads what is new, and counts the jobs that were handled to the end at least once.</summary>
    public int CountHandled()
    {
        for (var file = 0; file < _tails.Count; file++)
        {
            foreach (var line in _tails[file].Read())
            {
                var parts = line.Split(' ');
                var job = new JobName(parts[2], Number(parts[3]), Number(parts[4]));
                var isStart = parts[0] == "b";
                var time = TimeSpan.FromTicks(long.Parse(parts[1], CultureInfo.InvariantCulture) / NanosecondsPerTick);
                _lines.Add((isStart, time, job, file));
                if (!isStart)
                {
                    _handled.Add(job);
                }
            }
        }

        return _handled.Count;
    }

    /// <summary>All handlings that were read.</summary>
    public IReadOnlyList<Handling> Handlings()
    {
        var handlings = new List<Handling>();
        var open = new Dictionary<(JobName, int), TimeSpan>();
        foreach (var (isStart, time, job, file) in _lines)
        {
            if (isStart)
            {
                // The same worker may get a job again while it is still at it.
                handlings.AddRange(open.TryGetValue((job, file), out var before) ? [new Handling(job, before, null)] : []);
                open[(job, file)] = time;
            }
            else
            {
                handlings.Add(open.Remove((job, file), out var start) ? new Handling(job, start, time) : new Handling(job, time, time));
            }
        }

        handlings.AddRange(open.Select(static pair => new Handling(pair.Key.Item1, pair.Value, null)));
        return handlings;
    }

    /// <summary>Writes all that was read into one file, in the order of time: what, when, which job, and which life of a worker.</summary>
    public void Save(string path) => File.WriteAllLines(
        path,
        _lines.OrderBy(static line => line.Time).Select(static line => $"{(line.IsStart ? "begun" : "ended")} {line.Time} {line.Job} {line.File}"));

    public void Dispose()
    {
        _files.ForEach(static file => file.Dispose());
        _folder.Dispose();
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
