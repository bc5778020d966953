namespace Iii.Sdk.Connection;

internal enum RegistrationKind
{
    TriggerType,
    Function,
    Trigger,
}
