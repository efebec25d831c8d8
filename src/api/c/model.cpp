#include "api/c/boundary.h"
#include "api/run/version.h"

namespace tempera::api {
namespace {

thread_local std::string last_error;

Result<CompileOptions> compile_options(const tempera_open_options& given) {
  CompileOptions options;
  if (given.cpu != nullptr) options.cpu = given.cpu;
  options.precision = text_or_empty(given.precision);
  options.weights = text_or_empty(given.weights);
  if (given.cache_folder != nullptr) options.cache_folder = given.cache_folder;
  if (given.threads < 0)
    return error(ErrorCode::invalid_argument, "tempera_open_options: {} threads", given.threads);
  options.threads = given.threads;
  return options;
}

Status open(const char* path, const tempera_open_options* given, tempera_model** model) {
  TRY(check_given(path, "path"));
  TRY(check_given(model, "model"));
  *model = nullptr;
  ASSIGN_OR_RETURN(const tempera_open_options fields, read_struct(given, "tempera_open_options"));
  ASSIGN_OR_RETURN(CompileOptions options, compile_options(fields));
  const int threads = options.threads;
  ASSIGN_OR_RETURN(ModelSource source, open_model_function()(path, std::move(options), {}));
  auto opened = std::make_unique<tempera_model>();
  ASSIGN_OR_RETURN(opened->session, Session::open(std::move(source), "cpu", threads));
  *model = opened.release();
  return {};
}

}  // namespace

tempera_status fail(const Error& error) {
  last_error = error.message;
  return static_cast<tempera_status>(exit_code(error.code));
}

Status check_given(const void* pointer, const char* name) {
  if (pointer != nullptr) return {};
  return error(ErrorCode::invalid_argument, "{} is NULL", name);
}

}  // namespace tempera::api

const char* tempera_last_error() { return tempera::api::last_error.c_str(); }

const char* tempera_version() { return tempera::api::kVersion; }

tempera_status tempera_open(const char* path, const tempera_open_options* options,
                            tempera_model** model) {
  return tempera::api::guarded([&] { return tempera::api::open(path, options, model); });
}

void tempera_close(tempera_model* model) { delete model; }
