#include "test/reference/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "test/temp_folder.h"

namespace tempera::test {
namespace {

void redirect(int descriptor, const std::string& path) {
  dup2(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), descriptor);
}

[[noreturn]] void become(const std::vector<std::string>& arguments, const TempFolder& folder) {
  redirect(STDOUT_FILENO, folder.path("out"));
  redirect(STDERR_FILENO, folder.path("err"));
  setenv("TEMPERA_CACHE_DIR", TEMPERA_TEST_CACHE, 1);
  std::vector<char*> argv = {const_cast<char*>(TEMPERA_PROGRAM)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(TEMPERA_PROGRAM, argv.data());
  _exit(127);
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& arguments) {
  const TempFolder folder;
  const pid_t child = fork();
  if (child == 0) become(arguments, folder);
  int status = 0;
  waitpid(child, &status, 0);
  const int exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {exit_code, *read_file(folder.path("out")), *read_file(folder.path("err"))};
}

std::string expect_program(const std::vector<std::string>& arguments) {
  const ProgramResult result = run_program(arguments);
  EXPECT_EQ(result.exit_code, 0) << "tempera " << arguments[0] << ": " << result.err;
  return result.out;
}

}  // namespace tempera::test
