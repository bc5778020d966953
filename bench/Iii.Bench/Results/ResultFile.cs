using System.Text.Json;
using Iii.Bench.Machine;

namespace Iii.Bench.Results;

/// <summary>A named set of results on disk. Saving a suite replaces that suite's cells and keeps the others.</summary>
internal sealed record ResultFile(DateTimeOffset MeasuredAt, MachineDescription Machine, IReadOnlyList<CellResult> Cells)
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static string PathOf(string folder, string name) => Path.Combine(folder, name + ".json");

    /// <exception cref="FileNotFoundException">There is no result of that name; the message lists the known ones.</exception>
    public static ResultFile Load(string folder, string name)
    {
        var path = PathOf(folder, name);
        if (!File.Exists(path))
        {
            var known = Directory.Exists(folder)
                ? Directory.EnumerateFiles(folder, "*.json").Select(file => Path.GetFileNameWithoutExtension(file)).Order().ToArray()
                : [];
            throw new FileNotFoundException($"There is no baseline '{name}'. Known: {string.Join(", ", known)}.");
        }

        return JsonSerializer.Deserialize<ResultFile>(File.ReadAllText(path), Options)!;
    }

    public static void Save(string folder, string name, IReadOnlyList<CellResult> cells)
    {
        var kept = File.Exists(PathOf(folder, name)) ? Load(folder, name).Cells : [];
        var merged = kept.Where(old => cells.All(cell => cell.Cell != old.Cell)).Concat(cells).ToList();
        Directory.CreateDirectory(folder);
        var file = new ResultFile(DateTimeOffset.UtcNow, MachineDescription.Current(), merged);
        File.WriteAllText(PathOf(folder, name), JsonSerializer.Serialize(file, Options) + "\n");
    }
}
