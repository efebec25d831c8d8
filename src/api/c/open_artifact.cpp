#include "api/c/boundary.h"
#include "api/run/artifact_source.h"

tempera::api::OpenModel tempera::api::open_model_function() { return open_artifact_model; }
