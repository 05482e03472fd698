
#include <stddef.h>

#include "cmd/kairo_sql.h"


/* The assembler reads the file, from the root of the tree. */

#define KAIRO_SQL(symbol, file)                                               \
    extern const char  symbol[];                                              \
    __asm__(".pushsection .rodata\n"                                          \
            ".globl " #symbol "\n"                                            \
            ".hidden " #symbol "\n"                                           \
            #symbol ":\n"                                                     \
            ".incbin \"" file "\"\n"                                          \
            ".byte 0\n"                                                       \
            ".popsection\n")

KAIRO_SQL(kairo_sql_0001, "sql/0001-roles.sql");
KAIRO_SQL(kairo_sql_0002, "sql/0002-audit.sql");
KAIRO_SQL(kairo_sql_0003, "sql/0003-people.sql");
KAIRO_SQL(kairo_sql_0004, "sql/0004-events.sql");
KAIRO_SQL(kairo_sql_0005, "sql/0005-ingest.sql");


const kairo_sql_t  kairo_sql[] = {
    { "0001-roles", kairo_sql_0001 },
    { "0002-audit", kairo_sql_0002 },
    { "0003-people", kairo_sql_0003 },
    { "0004-events", kairo_sql_0004 },
    { "0005-ingest", kairo_sql_0005 },
    { NULL, NULL }
};
