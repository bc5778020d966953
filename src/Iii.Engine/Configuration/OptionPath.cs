using System.Globalization;

namespace Iii.Engine.Configuration;

/// <summary>Finds the place of a value that is named by its path.</summary>
internal static class OptionPath
{
    /// <summary>The offset of <c>a.b[1]</c> below a node, or of the nearest node above it that is in the file.</summary>
    public static int Find(ConfigurationNode node, string path)
    {
        foreach (var part in path.Split('.'))
        {
            var name = part.Split('[');
            if (node is not MappingNode mapping || !mapping.TryGet(name[0], out var value))
            {
                return node.Offset;
            }

            node = value;
            foreach (var index in name.Skip(1))
            {
                if (node is not SequenceNode list
                    || !int.TryParse(index.TrimEnd(']'), NumberStyles.None, CultureInfo.InvariantCulture, out var at)
                    || at >= list.Items.Count)
                {
                    return node.Offset;
                }

                node = list.Items[at];
            }
        }

        return node.Offset;
    }
}
