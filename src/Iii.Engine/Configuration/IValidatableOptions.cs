namespace Iii.Engine.Configuration;

/// <summary>Options that know which of their values make no sense.</summary>
/// <remarks>
/// The loader calls <see cref="Validate"/> on everything it binds; a host that builds options in code calls it itself.
/// </remarks>
public interface IValidatableOptions
{
    /// <summary>Says everything that is wrong with these values; nothing when they are usable.</summary>
    /// <returns>One error per bad value, each with its path below these options.</returns>
    IEnumerable<OptionError> Validate();
}
