#include "api/c/boundary.h"
#include "api/compile/compile.h"

tempera::api::OpenModel tempera::api::open_model_function() { return open_model; }
