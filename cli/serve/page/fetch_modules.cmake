# cmake -DNPM=npm -DFROM=FOLDER -DTO=FOLDER -P fetch_modules.cmake: TO/node_modules as FROM/package-lock.json pins them.
# Nothing that is fetched runs while it is installed.
file(COPY ${FROM}/package.json ${FROM}/package-lock.json DESTINATION ${TO})
execute_process(COMMAND ${NPM} ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
  WORKING_DIRECTORY ${TO} RESULT_VARIABLE failed OUTPUT_QUIET)
if(failed)
  message(FATAL_ERROR "npm could not fetch what the page of `tasks serve` is made of; -DTASKS_BUILD_PAGE=OFF builds without the page")
endif()
file(TOUCH ${TO}/fetched)
