import com.hivemq.HiveMQServer;
import com.hivemq.configuration.service.InternalConfigurations;

/** HiveMQ without an extension lets nobody in: this one lets everybody in. Run from its source with the jars of scripts/interop/fetch. */
public class HiveMQ {
    public static void main(final String[] arguments) throws Exception {
        InternalConfigurations.AUTH_DENY_UNAUTHENTICATED_CONNECTIONS.set(false);
        HiveMQServer.main(arguments);
    }
}
