/* A driver library with NVML's interface (nvml.h, API v12) and four devices: all there; old, without an energy counter; one that
 * answers with "not available" values; one that is lost. Stands for hardware that a test machine does not have. */
#include <string.h>

#define SUCCESS 0
#define NOT_SUPPORTED 3
#define GPU_IS_LOST 15
#define DEVICE(handle) ((int)(long)(handle) - 1)

typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int gpu, memory; } utilization_t;

int nvmlInitWithFlags(unsigned int flags) { return SUCCESS; }
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int code) { return "an error of the driver"; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 4; return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) {
    *device = (void *)(long)(index + 1);
    return SUCCESS;
}

int nvmlDeviceGetUUID(void *device, char *uuid, unsigned int length) {
    if (DEVICE(device) == 3) return GPU_IS_LOST;
    strcpy(uuid, "GPU-a");
    uuid[4] = 'a' + DEVICE(device);
    return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(void *device, utilization_t *rates) {
    if (DEVICE(device) == 3) return GPU_IS_LOST;
    rates->gpu = DEVICE(device) == 2 ? 0xFFFFFFFFu : 75;
    rates->memory = 10;
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(void *device, memory_t *memory) {
    if (DEVICE(device) == 3) return GPU_IS_LOST;
    memory->total = DEVICE(device) == 2 ? ~0ull : 16ull << 30;
    memory->free = 15ull << 30;
    memory->used = 1ull << 30;
    return SUCCESS;
}

int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *millijoules) {
    if (DEVICE(device) == 3) return GPU_IS_LOST;
    if (DEVICE(device) == 1) return NOT_SUPPORTED;
    *millijoules = DEVICE(device) == 2 ? ~0ull : 5000000000500ull;
    return SUCCESS;
}

int nvmlDeviceGetPowerUsage(void *device, unsigned int *milliwatts) {
    if (DEVICE(device) == 3) return GPU_IS_LOST;
    *milliwatts = DEVICE(device) == 2 ? 0xFFFFFFFFu : 70500;
    return SUCCESS;
}

int nvmlDeviceGetTemperature(void *device, int sensor, unsigned int *celsius) {
    if (DEVICE(device) == 3) return GPU_IS_LOST;
    if (sensor != 0) return NOT_SUPPORTED;
    *celsius = DEVICE(device) == 2 ? 0xFFFFFFFFu : 61;
    return SUCCESS;
}

int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *reasons) {
    if (DEVICE(device)) return NOT_SUPPORTED;
    *reasons = 0x1 | 0x4 | 0x40;
    return SUCCESS;
}
